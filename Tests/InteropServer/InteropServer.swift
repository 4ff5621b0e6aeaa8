import Connections
import GRPCServer
import Ground
import Glibc
import TLS

/// gRPC's interoperability test server, on the server that the Predictor uses. The end-to-end tests run it.
///
///     InteropServer [--port=PORT] [--workers=NUMBER] [--max_message_size=BYTES] [--certificate=FILE --key=FILE]
///
/// It says on standard output where it listens, and ends with its standard input.
///
/// Source: https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
@main
struct InteropServer {
    static func main() async throws {
        var port: UInt16 = 0
        var configuration = GRPCServerConfiguration()
        var tls: (certificate: String, key: String) = ("", "")
        for argument in CommandLine.arguments.dropFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let value = parts.count == 2 ? parts[1] : ""
            switch (parts[0], Int(value)) {
            case ("--port", let number?) where UInt16(exactly: number) != nil: port = UInt16(number)
            case ("--workers", let number?) where number > 0: configuration.workers = number
            case ("--max_message_size", let number?) where number > 0: configuration.maxMessageSize = number
            case ("--certificate", _): tls.certificate = value
            case ("--key", _): tls.key = value
            default: fatalError("\(argument) is not an argument of this program")
            }
        }
        if !tls.certificate.isEmpty {
            configuration.tls = try TLSContext(server: .init(certificateFile: tls.certificate, keyFile: tls.key))
        }
        let server = try GRPCServer(
            configuration: configuration, methods: MethodTable(TestService.methods),
            // Nobody but the server holds it, so that it closes when the end begins.
            listeners: [try ListeningSocket.open(HostPort(host: "127.0.0.1", port: port))],
            log: { print($0) })
        try server.start()
        print("listening on \(server.addresses[0])")
        fflush(nil)
        while readLine() != nil {}
        _ = await server.shutDown { try? await Task.sleep(for: .seconds(5)) }
    }
}
