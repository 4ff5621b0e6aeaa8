/// The version of this build, as reported by `--version`, `/status` and `/metrics`.
enum ProxyVersion {
    static let current = "1.0.0"
}
