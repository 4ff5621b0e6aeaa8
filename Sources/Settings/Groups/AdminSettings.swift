/// Access to the admin API, and its certificate.
package struct AdminSettings: SettingGroup {
    package static let title = "Admin API"

    package let tokenFile = Setting(
        "admin-token-file", \.adminTokenFile, .optionalFile,
        help: """
            A file with the bearer token that the admin API requires, except at /healthz and /readyz. The file's name \
            stands for the token in history and audit log.
            """)
    package let certificate = Setting(
        "admin-tls-cert", \.adminTLSCertificate, .pemFile,
        help: "Serve the admin API over TLS, with this certificate and its chain (PEM).")
    package let key = Setting(
        "admin-tls-key", \.adminTLSKey, .pemFile, help: "That certificate's private key (PEM).")

    package init() {}
}
