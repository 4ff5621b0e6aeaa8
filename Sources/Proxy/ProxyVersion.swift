/// The version of this build, as `--version`, `/status` and `/metrics` give it.
enum ProxyVersion {
    static let current = "1.0.0"
}
