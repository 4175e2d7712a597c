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
