import FoundationEssentials
import Logging
import ServiceLifecycle

/// Ends the process if its network is gone for good (`NetworkLoss`).
struct NetworkWatch: Service {
    /// The error that ends the process.
    struct Lost: Error, CustomStringConvertible {
        var description: String {
            "the network is gone: only the loopback is left, as when the container that held it was started anew"
        }
    }

    private static let pause = Duration.seconds(2)

    var leaving: Leaving
    var logger: Logger

    func run() async throws {
        var loss = NetworkLoss(interfaces: Self.interfaces() ?? [])
        while (try? await Task.sleep(for: Self.pause)) != nil, !Task.isShuttingDownGracefully {
            guard loss.look(Self.interfaces(), at: .now) else { continue }
            logger.error("ending, as the network is gone", metadata: ["cause": "\(Lost())"])
            leaving.giveUp()
            throw Lost()
        }
    }

    /// The names of the network's interfaces (proc_pid_net(5)); `nil` if they can't be read.
    static func interfaces(
        in text: String? = try? String(contentsOfFile: "/proc/net/dev", encoding: .utf8)
    ) -> [String]? {
        // Two lines of headings, then `  eth0: …`.
        text.map { text in
            text.split(separator: "\n").dropFirst(2).compactMap { line in
                line.split(separator: ":").first.map { String($0.drop { $0 == " " }) }
            }
        }
    }
}
