//! What a `#if` means on Windows, as far as that is certain.

/// What is known of a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Macro {
    Undefined,
    /// Defined as this number.
    Number(i64),
    /// Defined as a number, and not a smaller one.
    AtLeast(i64),
    /// Defined as something else.
    Defined,
    /// It depends on the build.
    Open,
}

/// The three-valued meaning of the condition of `#if`, `#elif`: `None` where it depends on the build.
pub fn condition(text: &str) -> Option<bool> {
    condition_with(text, &mut |name| match defined(name) {
        Some(true) => Macro::Number(1),
        Some(false) => Macro::Undefined,
        None => Macro::Open,
    })
}

/// The same with more knowledge of macros.
///
/// What is so with either family of compilers is certain: `_MSC_VER < 1300 && !defined(__GNUC__)` holds with none that
/// is in use.
pub fn condition_with(text: &str, macros: &mut dyn FnMut(&str) -> Macro) -> Option<bool> {
    if !["_MSC_VER", "__GNUC__", "__MINGW"]
        .iter()
        .any(|name| text.contains(name))
    {
        return evaluate(text, macros);
    }
    let mut with = |family: fn(&str) -> Option<Macro>| {
        evaluate(text, &mut |name| {
            family(name).unwrap_or_else(|| macros(name))
        })
    };
    let (one, other) = (with(visual_c), with(gnu));
    one.filter(|_| one == other)
}

/// What Visual C++ and clang-cl define. Visual Studio 2015 is the oldest that is in use.
fn visual_c(name: &str) -> Option<Macro> {
    match name {
        "_MSC_VER" => Some(Macro::AtLeast(1900)),
        "__GNUC__" | "__MINGW32__" | "__MINGW64__" => Some(Macro::Undefined),
        _ => None,
    }
}

/// What GCC and Clang of MinGW define.
fn gnu(name: &str) -> Option<Macro> {
    match name {
        "_MSC_VER" => Some(Macro::Undefined),
        "__GNUC__" => Some(Macro::AtLeast(4)),
        "__MINGW32__" => Some(Macro::Number(1)),
        _ => None,
    }
}

fn evaluate(text: &str, macros: &mut dyn FnMut(&str) -> Macro) -> Option<bool> {
    let mut parser = Parser {
        rest: text,
        depth: 0,
        macros,
    };
    let value = parser.or();
    // Something that was not understood may change the meaning.
    match parser.peek() {
        None => value.truth(),
        Some(_) => None,
    }
}

/// Whether a macro is defined when building for Windows with any compiler.
///
/// C++/CX and C++/CLI (`/ZW`, `/clr`) count as off: what stands behind them is another language, which a C++ parser
/// stumbles over.
pub fn defined(name: &str) -> Option<bool> {
    match name {
        "_WIN32" | "WIN32" | "_WINDOWS" | "__WIN32__" | "__WINDOWS__" | "_Windows" => Some(true),
        "__linux__" | "__linux" | "linux" | "__gnu_linux__" | "__GLIBC__" | "__ANDROID__"
        | "ANDROID" | "__BIONIC__" | "__APPLE__" | "__MACH__" | "__unix__" | "__unix" | "unix"
        | "__CYGWIN__" | "__FreeBSD__" | "__FreeBSD_kernel__" | "__OpenBSD__" | "__NetBSD__"
        | "__DragonFly__" | "__sun" | "__sun__" | "__SVR4" | "__svr4__" | "__HAIKU__"
        | "__BEOS__" | "__QNX__" | "__QNXNTO__" | "__Fuchsia__" | "__gnu_hurd__" | "__GNU__"
        | "_AIX" | "__hpux" | "__hpux__" | "__sgi" | "__osf__" | "__minix" | "__VXWORKS__"
        | "__INTEGRITY" | "__amigaos__" | "__MSDOS__" | "__DJGPP__" | "__OS2__" | "__wasm__"
        | "__wasi__" | "__EMSCRIPTEN__" | "__SWITCH__" | "__NX__" | "__ORBIS__"
        | "__PROSPERO__" | "__MVS__" | "__OS400__" | "__PASE__" | "__SERENITY__"
        | "__COSMOPOLITAN__" | "_WIN32_WCE" | "UNDER_CE" | "__CEGCC__" | "__MINGW32CE__"
        | "__CYGWIN32__" | "__INTERIX" | "macosx" | "sun" | "__sparc__" | "__sparc" | "sparc"
        | "hpux" | "_hpux" | "sgi" | "__ultrix" | "ultrix" | "__SYMBIAN32__" | "SYMBIAN"
        | "__EMX__" | "__DGUX__" | "__serenity__" | "__KOS__" | "__EMBOX__"
        | "__native_client__" | "__ELF__" | "_XBOX_ONE" | "_DURANGO" | "_XBOX"
        | "NN_PLATFORM_CTR" | "NN_NINTENDO_SDK" | "NINTENDO_SWITCH" | "__CELLOS_LV2__"
        | "__psp2__" => Some(false),
        // Processors that no Windows in use runs on; the last one for Itanium was Windows Server 2008 R2.
        "__ia64__" | "__ia64" | "__IA64__" | "_IA64" | "_M_IA64" | "__alpha__" | "__alpha"
        | "_M_ALPHA" | "__powerpc__" | "__powerpc" | "__powerpc64__" | "__ppc__" | "__PPC__"
        | "__PPC64__" | "_ARCH_PPC" | "_M_PPC" | "__mips__" | "__mips" | "_M_MRX000"
        | "__m68k__" | "__s390__" | "__s390x__" | "__hppa__" | "__hppa" | "__riscv"
        | "__loongarch__" | "__sh__" => Some(false),
        "__cplusplus_winrt" | "__cplusplus_cli" | "_MANAGED" | "_M_CEE" | "_M_CEE_PURE"
        | "_M_CEE_SAFE" | "__CLR_VER" => Some(false),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Value {
    Number(i64),
    /// This number or a larger one, above 0.
    AtLeast(i64),
    Open,
}

impl Value {
    fn truth(self) -> Option<bool> {
        match self {
            Value::Number(number) => Some(number != 0),
            Value::AtLeast(_) => Some(true),
            Value::Open => None,
        }
    }

    fn of(truth: Option<bool>) -> Value {
        truth.map_or(Value::Open, |truth| Value::Number(truth.into()))
    }
}

struct Parser<'a, 'm> {
    rest: &'a str,
    depth: u32,
    macros: &'m mut dyn FnMut(&str) -> Macro,
}

/// Deeper conditions are not followed: the stack is finite.
const DEPTH: u32 = 64;

impl<'a> Parser<'a, '_> {
    fn skip_space(&mut self) {
        loop {
            self.rest = self
                .rest
                .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\\');
            if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
            } else if self.rest.starts_with("//") {
                self.rest = "";
            } else {
                return;
            }
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.rest.as_bytes().first().copied()
    }

    fn take(&mut self, mark: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'a str {
        self.skip_space();
        let end = super::word_end(self.rest.as_bytes(), 0);
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn or(&mut self) -> Value {
        let mut left = self.and();
        while self.take("||") {
            let right = self.and();
            left = match (left.truth(), right.truth()) {
                (Some(true), _) | (_, Some(true)) => Value::Number(1),
                (Some(false), Some(false)) => Value::Number(0),
                _ => Value::Open,
            };
        }
        left
    }

    fn and(&mut self) -> Value {
        let mut left = self.comparison();
        while self.take("&&") {
            let right = self.comparison();
            left = match (left.truth(), right.truth()) {
                (Some(false), _) | (_, Some(false)) => Value::Number(0),
                (Some(true), Some(true)) => Value::Number(1),
                _ => Value::Open,
            };
        }
        left
    }

    fn comparison(&mut self) -> Value {
        let left = self.unary();
        for (mark, compare) in [
            ("==", i64::eq as fn(&i64, &i64) -> bool),
            ("!=", i64::ne),
            (">=", i64::ge),
            ("<=", i64::le),
            (">", i64::gt),
            ("<", i64::lt),
        ] {
            if self.take(mark) {
                return match (left, self.unary()) {
                    (Value::Number(left), Value::Number(right)) => {
                        Value::Number(compare(&left, &right).into())
                    }
                    // Certain only where all numbers from there on compare alike.
                    (Value::AtLeast(least), Value::Number(right)) if right < least => {
                        Value::Number(compare(&least, &right).into())
                    }
                    (Value::AtLeast(least), Value::Number(right))
                        if right == least && matches!(mark, ">=" | "<") =>
                    {
                        Value::Number(compare(&least, &right).into())
                    }
                    _ => Value::Open,
                };
            }
        }
        left
    }

    fn unary(&mut self) -> Value {
        if self.depth >= DEPTH {
            return Value::Open;
        }
        self.depth += 1;
        let value = self.primary();
        self.depth -= 1;
        value
    }

    fn primary(&mut self) -> Value {
        if self.take("!") {
            return Value::of(self.unary().truth().map(|truth| !truth));
        }
        if self.take("(") {
            let value = self.or();
            return if self.take(")") { value } else { Value::Open };
        }
        let word = self.word();
        if word == "defined" {
            let bracket = self.take("(");
            let name = self.word();
            if bracket {
                self.take(")");
            }
            return Value::of(match (self.macros)(name) {
                Macro::Undefined => Some(false),
                Macro::Number(_) | Macro::AtLeast(_) | Macro::Defined => Some(true),
                Macro::Open => None,
            });
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let digits = word.trim_end_matches(['u', 'U', 'l', 'L']);
            return match digits.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16),
                None => digits.parse(),
            }
            .map_or(Value::Open, Value::Number);
        }
        if word.is_empty() || !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Value::Open;
        }
        // `#if _WIN32` and `#if linux` are written too.
        match (self.macros)(word) {
            Macro::Undefined => Value::Number(0),
            Macro::Number(number) => Value::Number(number),
            Macro::AtLeast(least) => Value::AtLeast(least),
            Macro::Defined | Macro::Open => Value::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::condition;

    #[test]
    fn only_what_is_certain_on_windows_has_a_value() {
        for (text, value) in [
            ("0", Some(false)),
            ("1", Some(true)),
            ("defined(_WIN32) || defined(__CYGWIN__)", Some(true)),
            ("!defined(_WIN32)", Some(false)),
            ("defined __linux__ && FOO", Some(false)),
            ("defined(_MSC_VER) && _MSC_VER >= 1900", None),
            ("_WIN32_WINNT >= 0x0600", None),
            ("(_MSC_VER < 1299) && !defined(__GNUC__)", Some(false)),
            ("defined(_MSC_VER) || defined(__GNUC__)", Some(true)),
            ("defined(_MSC_VER) && defined(__MINGW32__)", Some(false)),
            ("defined(_MSC_VER) && _MSC_VER < 1900", Some(false)),
            ("defined(_MSC_VER) && _MSC_VER <= 1900", None),
            ("!defined(_MSC_VER) || _MSC_VER > 1800", Some(true)),
            ("_MSC_VER >= 1930 || defined(__GNUC__)", None),
            ("_MSC_VER", None),
            ("0 && FOO(1, 2)", None),
            ("!(defined(_WIN32)) /* why */", Some(false)),
            ("2 > 1", Some(true)),
            ("", None),
            ("defined(", None),
            ("defined(__ia64__) && defined(USE_HINT)", Some(false)),
        ] {
            assert_eq!(condition(text), value, "{text}");
        }
        assert_eq!(condition(&"(".repeat(100_000)), None);
        assert_eq!(condition(&"!".repeat(100_000)), None);
    }
}
