//! Visual Studio projects.

use super::*;

#[test]
fn projects_contain_the_static_libraries_that_they_reference() {
    let dll = vcxproj(
        "DynamicLibrary",
        "<ClCompile Include=\"dllmain.cpp\"/><ClCompile Include=\"$(ProjectDir)..\\shared\\*.cpp\"/>\
         <ClInclude Include=\"a.h\"/><ProjectReference Include=\"..\\lib\\Lib.vcxproj\"/>",
    );
    let lib = vcxproj(
        "StaticLibrary",
        "<ClCompile Include=\"stop.cpp\"/><ClCompile Include=\"old.cpp\">\
         <ExcludedFromBuild>true</ExcludedFromBuild></ClCompile>",
    );
    let exe = vcxproj("Application", "<ClCompile Include=\"main.cpp\"/>");
    assert_eq!(
        shown(&[
            ("dll/dll.vcxproj", &dll),
            ("dll/dllmain.cpp", DLL_MAIN),
            ("dll/a.h", ""),
            ("shared/s.cpp", "#include \"../inc/s.h\"\nvoid s() {}"),
            ("inc/s.h", "#include \"t.h\""),
            ("inc/t.h", ""),
            ("lib/lib.vcxproj", &lib),
            ("lib/stop.cpp", "void stop() {}"),
            ("exe/exe.vcxproj", &exe),
            ("exe/main.cpp", MAIN),
        ]),
        [
            "Dll dll: dll/dllmain.cpp lib/stop.cpp shared/s.cpp | dll/a.h inc/s.h inc/t.h",
            "Exe exe: exe/main.cpp",
        ]
    );
}

/// What a project in the folder `app` defines for a source in all configurations, with more files around it.
fn common(groups: &str, items: &str, more: &[(&str, &str)]) -> String {
    let project = format!(
        "<Project><ItemGroup><ProjectConfiguration Include=\"Debug|x64\"/><ProjectConfiguration Include=\"Release|x64\"/>\
         </ItemGroup><PropertyGroup><ConfigurationType>DynamicLibrary</ConfigurationType></PropertyGroup>{groups}<ItemGroup>\
         {items}</ItemGroup></Project>"
    );
    let mut files = vec![
        ("app/app.vcxproj", project.as_str()),
        ("app/a.cpp", DLL_MAIN),
    ];
    files.extend(more);
    let files = files.iter();
    let files = files.map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()));
    let sources = Sources::new(files.collect());
    let mut ids = sources.ids();
    let source = ids.find(|&id| &*sources.file(id).path == "app/a.cpp");
    let build_files: Vec<FileId> = sources
        .ids()
        .filter(|&id| is_build_file(&sources.file(id).path))
        .collect();
    let found = crate::module::msbuild::definitions(&Tree::new(&sources), &build_files);
    let found = source.and_then(|id| found.get(&id));
    let shown = found.into_iter().flatten();
    let shown: Vec<String> = shown
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    shown.join(" ")
}

#[test]
fn definitions_that_all_configurations_share() {
    let group = |condition: &str, definitions: &str| {
        let condition = match condition {
            "" => String::new(),
            text => format!(" Condition=\"{text}\""),
        };
        format!(
            "<ItemDefinitionGroup{condition}><ClCompile><PreprocessorDefinitions>{definitions}</PreprocessorDefinitions>\
             </ClCompile></ItemDefinitionGroup>"
        )
    };
    let source = "<ClCompile Include=\"a.cpp\"/>";
    let all = group("", "X;Y=2;%(PreprocessorDefinitions)");
    let debug = group("'$(Configuration)|$(Platform)'=='Debug|x64'", "X;D");
    let release = group(" '$(Configuration)' == 'RELEASE' ", "R;X");
    let shown = |groups: &str| common(groups, source, &[]);
    assert_eq!(shown(&all), "X=1 Y=2");
    assert_eq!(shown(&format!("{debug}{release}")), "X=1");
    assert_eq!(shown(&debug), "");
    // What comes later and inherits nothing stands in place of all.
    assert_eq!(shown(&format!("{all}{debug}")), "X=1");
    assert_eq!(shown(&format!("{all}{}", group("", "Z"))), "Z=1");
    // What is not understood, or takes back, leaves nothing certain.
    for unclear in [
        group("'$(Configuration)'!='Debug'", "Z"),
        group("$(Configuration.StartsWith('Rel'))", "Z;%(PreprocessorDefinitions)"),
        format!("<Choose><When Condition=\"'$(Configuration)'=='Debug'\">{all}</When></Choose>"),
        "<ItemDefinitionGroup><ClCompile><UndefinePreprocessorDefinitions>X</UndefinePreprocessorDefinitions></ClCompile>\
         </ItemDefinitionGroup>"
            .to_string(),
        "<ItemDefinitionGroup><ClCompile><AdditionalOptions>/W4 /UX</AdditionalOptions></ClCompile></ItemDefinitionGroup>"
            .to_string(),
    ] {
        assert_eq!(shown(&format!("{all}{unclear}")), "", "{unclear}");
    }
    let sheet = |definitions: &str| {
        let text = format!("<Project>{}</Project>", group("", definitions));
        let import = "<Import Project=\"app.props\"/>";
        common(
            &format!("{all}{import}"),
            source,
            &[("app/app.props", &text)],
        )
    };
    assert_eq!(sheet("Z;%(PreprocessorDefinitions)"), "X=1 Y=2");
    assert_eq!(sheet("Z"), "");
    // A source with definitions of its own, and one of two projects.
    let own = |attribute: &str| {
        format!(
            "{source}<ClCompile {attribute}=\"a.cpp\"><PreprocessorDefinitions>Y=5;%(PreprocessorDefinitions)\
             </PreprocessorDefinitions></ClCompile>"
        )
    };
    assert_eq!(common(&all, &own("Include"), &[]), "");
    assert_eq!(common(&all, &own("Update"), &[]), "");
    let other = "<Project><ItemGroup><ProjectConfiguration Include=\"Debug|x64\"/><ClCompile Include=\"a.cpp\"/></ItemGroup>\
                 <ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>X</PreprocessorDefinitions></ClCompile>\
                 </ItemDefinitionGroup></Project>";
    assert_eq!(common(&all, source, &[("app/b.vcxproj", other)]), "X=1");
}

#[test]
fn project_imports_and_old_projects() {
    let shared = "<Project><ItemGroup><ClCompile Include=\"$(MSBuildThisFileDirectory)a.cpp\"/></ItemGroup></Project>";
    let project = vcxproj(
        "DynamicLibrary",
        "</ItemGroup><ItemDefinitionGroup><Link><EntryPointSymbol>_Start@12</EntryPointSymbol>\
         <ModuleDefinitionFile>x.def</ModuleDefinitionFile></Link></ItemDefinitionGroup>\
         <Import Project=\"..\\shared\\shared.vcxitems\"/><ItemGroup>",
    );
    let old = "<?xml version=\"1.0\" encoding=\"Windows-1252\"?><VisualStudioProject><Configurations>\
         <Configuration ConfigurationType=\"1\"/></Configurations><Files><Filter Name=\"x\">\
         <File RelativePath=\".\\b.cpp\"/></Filter></Files></VisualStudioProject>";
    let files = [
        ("p/p.vcxproj", project.as_str()),
        ("shared/shared.vcxitems", shared),
        ("shared/a.cpp", "int a() { }"),
        ("old/o.vcproj", old),
        ("old/b.cpp", MAIN),
    ];
    assert_eq!(shown(&files), ["Exe o: old/b.cpp", "Dll p: shared/a.cpp"]);
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(modules[1].entry_names, ["Start"]);
    assert_eq!(modules[1].kind_is_msvc, Some(true));
    assert!(modules[1].evidence[0].contains("DynamicLibrary"));
}

#[test]
fn project_macros() {
    let project = vcxproj(
        "DynamicLibrary",
        "<ClCompile Include=\"$(ProjectName)_main.cpp\"/>",
    );
    let tool = vcxproj("Application", "<ClCompile Include=\"main.cpp\"/>");
    assert_eq!(
        shown(&[
            ("p/hook.vcxproj", &project),
            ("p/hook_main.cpp", DLL_MAIN),
            ("p/tool.vcxproj", &tool),
            ("p/main.cpp", MAIN),
        ]),
        ["Dll hook: p/hook_main.cpp", "Exe tool: p/main.cpp"]
    );
}

/// Properties of the project and of Directory.Build.props above it, and what is looked for where a macro is not known.
#[test]
fn project_properties() {
    let props = "<Project><PropertyGroup><Common>..\\shared\\</Common></PropertyGroup></Project>";
    let project = vcxproj(
        "DynamicLibrary",
        "</ItemGroup><PropertyGroup><Parts>parts</Parts></PropertyGroup>\
         <Import Project=\"$(VCTargetsPath)\\Microsoft.Cpp.targets\"/><Import/><ItemGroup>\
         <ClCompile Include=\"$(Common)s.cpp;$(Parts)\\p.cpp\"/><ClCompile Include=\"$(SolutionDir)top.cpp\"/>\
         <ClCompile Include=\"$(Elsewhere)\\e.cpp\"/><ClCompile Include=\"$(open\"/>\
         <ProjectReference Update=\"..\\lib\\lib.vcxproj\"/>",
    );
    let files = |solution: &'static str| {
        shown(&[
            ("Directory.Build.props", props),
            ("a/b/app/app.vcxproj", &project),
            ("a/b/app/parts/p.cpp", ""),
            ("a/b/shared/s.cpp", ""),
            ("far/e.cpp", ""),
            ("lib/lib.vcxproj", &vcxproj("StaticLibrary", "")),
            (solution, "Project(\"{8BC9CEB8}\") = \"app\"\nEndProject\n"),
            ("a/b/top.cpp", ""),
            ("top.cpp", ""),
        ])
    };
    assert_eq!(
        files("all.sln"),
        [
            "Dll app: a/b/app/parts/p.cpp a/b/shared/s.cpp far/e.cpp top.cpp",
            "Unknown a/b: a/b/top.cpp",
        ]
    );
    // Without a solution it is the folder above.
    assert_eq!(
        files("all.txt"),
        [
            "Dll app: a/b/app/parts/p.cpp a/b/shared/s.cpp a/b/top.cpp far/e.cpp",
            "Unknown (top): top.cpp",
        ]
    );
}

/// What Directory.Build.props says of the kind counts for a project that says nothing of its own.
#[test]
fn project_kind_from_above() {
    let kind = |kind: &str| {
        format!("<PropertyGroup><ConfigurationType>{kind}</ConfigurationType></PropertyGroup>")
    };
    let project = |kind: &str, file: &str| {
        format!("<Project>{kind}<ItemGroup><ClCompile Include=\"{file}\"/></ItemGroup></Project>")
    };
    assert_eq!(
        shown(&[
            (
                "Directory.Build.props",
                &project(&kind("DynamicLibrary"), "none.c")
            ),
            ("one/one.vcxproj", &project("", "a.c")),
            ("one/a.c", ""),
            ("two/two.vcxproj", &project(&kind("Application"), "b.c")),
            ("two/b.c", ""),
        ]),
        ["Dll one: one/a.c", "Exe two: two/b.c"]
    );
}

#[test]
fn project_sheets_that_import_each_other() {
    let sheet = |other: &str, more: &str| {
        format!("<Project><Import Project=\"{other}.props\"/>{more}</Project>")
    };
    let kind =
        "<PropertyGroup><ConfigurationType>DynamicLibrary</ConfigurationType></PropertyGroup>";
    assert_eq!(
        shown(&[
            (
                "a.vcxproj",
                &sheet(
                    "one",
                    "<ItemGroup><ClCompile Include=\"a.cpp\"/></ItemGroup>"
                )
            ),
            ("one.props", &sheet("two", "")),
            ("two.props", &sheet("one", kind)),
            ("a.cpp", ""),
        ]),
        ["Dll a: a.cpp"]
    );
}

/// Where a property sheet that is not there may say the type, the definition file tells.
#[test]
fn projects_of_no_stated_type() {
    let of = |link: &str| {
        let project = format!(
            "<Project><Import Project=\"$(Sheets)\\type.props\"/><ItemGroup><ClCompile Include=\"a.cpp\"/></ItemGroup>\
             <ItemDefinitionGroup><Link>{link}</Link></ItemDefinitionGroup></Project>"
        );
        let files = [("app/app.vcxproj", project.as_str()), ("app/a.cpp", "")];
        let (_, modules) = find_in(&files, &[]);
        (shown(&files), modules[0].evidence.clone())
    };
    let (modules, evidence) = of("<ModuleDefinitionFile>..\\def\\app.def</ModuleDefinitionFile>");
    assert_eq!(modules, ["Dll app: app/a.cpp"]);
    assert_eq!(
        evidence,
        ["module definition file app.def in app/app.vcxproj"]
    );
    let (modules, evidence) = of("");
    assert_eq!(modules, ["Unknown app: app/a.cpp"]);
    assert!(evidence.is_empty());
}

/// A project that runs another build says no kind: a DllMain does, unless a `main` stands beside it.
#[test]
fn projects_that_run_a_makefile() {
    let of = |main: &str| {
        let project = vcxproj(
            "Makefile",
            &format!("<ClCompile Include=\"src\\dllmain.c\"/><ClCompile Include=\"{main}\"/>"),
        );
        let files = [
            ("p.vcxproj", project.as_str()),
            ("src/dllmain.c", DLL_MAIN),
            (main, MAIN),
        ];
        let (_, modules) = find_in(&files, &[]);
        assert_eq!(modules.len(), 1, "{main}");
        (modules[0].kind, modules[0].evidence.join(", "))
    };
    assert_eq!(
        of("try/main.c"),
        (
            Kind::Dll,
            "DllMain in src/dllmain.c, main in try/main.c".to_string()
        )
    );
    assert_eq!(of("src/main.c").0, Kind::Unknown);
}

/// The objects of a static library are linked as a whole if the project says so.
#[test]
fn projects_that_link_objects() {
    let of = |whole: &str| {
        let dll = vcxproj(
            "DynamicLibrary",
            &format!(
                "<ClCompile Include=\"a.cpp\"/><ProjectReference Include=\"..\\lib\\lib.vcxproj\">\
                 <UseLibraryDependencyInputs>{whole}</UseLibraryDependencyInputs></ProjectReference>"
            ),
        );
        let lib = vcxproj("StaticLibrary", "<ClCompile Include=\"l.cpp\"/>");
        let files = [
            ("a/a.vcxproj", dll.as_str()),
            ("a/a.cpp", ""),
            ("lib/lib.vcxproj", lib.as_str()),
            ("lib/l.cpp", ""),
        ];
        let (_, modules) = find_in(&files, &[]);
        assert_eq!(modules.len(), 1, "{whole}");
        assert_eq!(modules[0].sources.len(), 2, "{whole}");
        modules[0].from_libraries.len()
    };
    assert_eq!(of("true"), 0);
    assert_eq!(of("false"), 1);
}

/// Projects of Visual Studio 2002 to 2008.
#[test]
fn old_projects() {
    let project = |configuration: &str, items: &str, references: &str| {
        let items: Vec<String> = items
            .split(' ')
            .map(|item| format!("<File RelativePath=\"{item}\"/>"))
            .collect();
        let items = items.concat();
        format!(
            "<VisualStudioProject><Configurations>{configuration}</Configurations><Files>{items}</Files>\
             <References>{references}</References></VisualStudioProject>"
        )
    };
    let dll = project(
        "<Configuration ConfigurationType=\"2\"><Tool Name=\"VCLinkerTool\" EntryPointSymbol=\"_Start@12\"/></Configuration>",
        "d.cpp ..\\e\\d.h .\\gone.cpp",
        "<ProjectReference RelativePathToProject=\"..\\lib\\lib.vcproj\"/>",
    );
    let lib = project("<Configuration ConfigurationType=\"4\"/>", "l.cpp", "");
    let defined = project(
        "<Configuration><Tool Name=\"VCLinkerTool\" ModuleDefinitionFile=\"e.def\"/></Configuration>",
        "e.cpp",
        "",
    );
    let utility = project("<Configuration ConfigurationType=\"10\"/>", "u.cpp", "");
    let files = [
        ("d/d.vcproj", dll.as_str()),
        ("d/d.cpp", ""),
        ("e/d.h", ""),
        ("lib/lib.vcproj", lib.as_str()),
        ("lib/l.cpp", ""),
        ("e/e.vcproj", defined.as_str()),
        ("e/e.cpp", ""),
        ("u/u.vcproj", utility.as_str()),
        ("u/u.cpp", ""),
    ];
    assert_eq!(
        shown(&files),
        [
            "Dll d: d/d.cpp lib/l.cpp | e/d.h",
            "Dll e: e/e.cpp",
            "Unknown u: u/u.cpp",
        ]
    );
    let (_, modules) = find_in(&files, &[]);
    assert_eq!(modules[0].entry_names, ["Start"]);
    assert_eq!(
        modules[1].evidence,
        ["ConfigurationType (none, but a definition file) in e/e.vcproj"]
    );
    assert!(modules[2].evidence.is_empty());
}

/// Sheets are followed eight deep.
#[test]
fn project_sheets_in_a_row() {
    let kind = |count: u32| {
        let import = |number: u32| format!("<Import Project=\"s{number}.props\"/>");
        let project = format!(
            "<Project>{}<ItemGroup><ClCompile Include=\"a.cpp\"/></ItemGroup></Project>",
            import(1)
        );
        let mut files = vec![
            ("a.vcxproj".to_string(), project),
            ("a.cpp".to_string(), String::new()),
        ];
        for number in 1..count {
            let text = format!("<Project>{}</Project>", import(number + 1));
            files.push((format!("s{number}.props"), text));
        }
        let last = "<Project><PropertyGroup><ConfigurationType>DynamicLibrary</ConfigurationType></PropertyGroup></Project>";
        files.push((format!("s{count}.props"), last.to_string()));
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        shown(&files)
    };
    assert_eq!(kind(8), ["Dll a: a.cpp"]);
    assert_eq!(kind(9), ["Unknown a: a.cpp"]);
}

/// What an item's `Exclude` names, what a later `Remove` names, and what no configuration builds is no source.
#[test]
fn projects_that_leave_sources_out() {
    let one = vcxproj(
        "DynamicLibrary",
        "<ClCompile Include=\"*.cpp\" Exclude=\"two*.cpp;three.cpp;five.cpp;six.cpp\"/>\
         <ClCompile Remove=\"gone.cpp\"/><ClCompile Include=\"four.cpp\">\
         <ExcludedFromBuild Condition=\"'$(Configuration)'=='Debug'\">true</ExcludedFromBuild></ClCompile>",
    );
    let two = vcxproj(
        "DynamicLibrary",
        "<ClCompile Include=\"two.cpp\"/><ClCompile Include=\"five.cpp\">\
         <ExcludedFromBuild>True</ExcludedFromBuild></ClCompile><ClCompile Include=\"six.cpp\">\
         <ExcludedFromBuild>false</ExcludedFromBuild></ClCompile>",
    );
    assert_eq!(
        shown(&[
            ("app/one.vcxproj", &one),
            ("app/two.vcxproj", &two),
            ("app/a.cpp", "void a() {}"),
            ("app/five.cpp", "void five() {}"),
            ("app/four.cpp", "void four() {}"),
            ("app/gone.cpp", "void gone() {}"),
            ("app/six.cpp", "void six() {}"),
            ("app/three.cpp", "void three() {}"),
            ("app/two.cpp", "void two() {}"),
            ("app/two_b.cpp", "void two_b() {}"),
        ]),
        [
            "Dll one: app/a.cpp app/four.cpp",
            "Dll two: app/six.cpp app/two.cpp",
            "Unknown app: app/five.cpp app/gone.cpp app/three.cpp app/two_b.cpp",
        ]
    );
}
