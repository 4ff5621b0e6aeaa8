/// Names that no model is saved with, but that appear in every file meant to take over the process that loads it.
///
/// Nothing that a file names is ever run here, whether listed or not, so the list can't make the reader safer. But
/// Python would run it: a file with such a name was not written to hold a model, and is refused as a whole.
enum AlarmingNames {
    private static let modules: Set<String> = [
        "posix", "nt", "os", "subprocess", "pty", "runpy", "importlib", "ctypes", "socket", "shutil", "sys", "code",
        "marshal", "pickle", "_pickle", "commands",
    ]
    private static let builtins: Set<String> = [
        "eval", "exec", "execfile", "compile", "open", "__import__", "input", "breakpoint",
    ]

    /// - Parameter name: a name of plausible length.
    static func contain(_ name: PythonName) -> Bool {
        switch name.module {
        case "builtins", "__builtin__": builtins.contains(name.name)
        default: modules.contains(name.module)
        }
    }
}
