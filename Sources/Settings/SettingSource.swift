/// The source of a setting's value, in order of precedence.
package enum SettingSource: Sendable, Equatable, CustomStringConvertible {
    case flag
    case environment(variable: String)
    case file(path: String)
    case standard

    package var description: String {
        switch self {
        case .flag: "the command line"
        case .environment(let variable): variable
        case .file(let path): path
        case .standard: "default"
        }
    }
}
