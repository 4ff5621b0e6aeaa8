/// Names that no model is saved with, and every file that is to take over the process which loads it.
///
/// Nothing that a file names is ever run here, listed or not: the list can't make the reader safer. But Python would run
/// it, so that whoever put such a name in has no model in mind, and the file is refused whole.
enum AlarmingNames {
    private static let modules: Set<String> = [
        "posix", "nt", "os", "subprocess", "pty", "runpy", "importlib", "ctypes", "socket", "shutil", "sys", "code",
        "marshal", "pickle", "_pickle", "commands",
    ]
    private static let builtins: Set<String> = [
        "eval", "exec", "execfile", "compile", "open", "__import__", "input", "breakpoint",
    ]

    /// - Parameter name: a short one.
    static func contain(_ name: PythonName) -> Bool {
        switch name.module {
        case "builtins", "__builtin__": builtins.contains(name.name)
        default: modules.contains(name.module)
        }
    }
}
