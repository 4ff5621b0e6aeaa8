import DataPlane

/// The addresses for clients and operators, and those of the upstreams.
package struct AddressSettings: SettingGroup {
    package static let title = "Addresses"

    package let listen = Setting(
        "listen", \.listen, .addressOrPath,
        help: """
            The address for clients, who use HTTP/2 with prior knowledge or TLS; port 0 takes any free port. A Unix socket \
            that nobody listens on any more is replaced, and its folder says who may connect.
            """)
    package let admin = Setting(
        "admin", \.admin, .address,
        help: "The address of the admin API (HTTP/1.1). Any address but a loopback one needs --admin-token-file.")
    package let blue = Setting(
        "blue", \.endpoints.blue, .endpoints,
        help: """
            Blue's endpoints, separated by commas. Names are resolved again on reconnect. With TLS, the server behind a \
            Unix socket is localhost.
            """)
    package let green = Setting(
        "green", \.endpoints.green, .endpoints, help: "Green's endpoints, like --blue.")

    package init() {}
}
