import Ground
import JSONText
import Logging

/// A log handler that writes every event as one line of JSON.
///
/// ```json
/// {"time":"2026-11-23T22:18:52.123456Z","level":"info","logger":"predictor","message":"serving","grpc":"0.0.0.0:50051"}
/// ```
///
/// `time`, `level`, `logger` and `message` come first; metadata follows as members of the same object, sorted by name,
/// with strings as strings and arrays and dictionaries as such. A metadata key equal to one of those four names, or to
/// `error`, gets an underscore before it. The event's metadata takes precedence over the provider's, and that over the
/// logger's.
package struct JSONLogHandler: LogHandler {
    /// The shared threshold, unless this handler was given its own level.
    package var logLevel: Logger.Level {
        get { ownLevel ?? threshold.level }
        set { ownLevel = newValue }
    }

    /// The logger's own metadata, which every line has.
    package var metadata: Logger.Metadata = [:]
    /// The source of metadata that depends on the moment; `nil` for none.
    package var metadataProvider: Logger.MetadataProvider?

    private let threshold: LogThreshold
    private var ownLevel: Logger.Level?
    private let label: String
    private let sink: LogSink
    private let now: @Sendable () -> Timestamp

    /// Creates a handler.
    ///
    /// - Parameters:
    ///   - label: Name of the logger.
    ///   - threshold: The least severe level that is written.
    ///   - metadataProvider: Provides metadata for each event.
    ///   - sink: Where the lines go.
    ///   - now: The clock; called on the thread that logs.
    package init(
        label: String,
        threshold: LogThreshold = LogThreshold(.info),
        metadataProvider: Logger.MetadataProvider? = nil,
        sink: LogSink = .standardError,
        now: @escaping @Sendable () -> Timestamp = { .now(.microseconds) }
    ) {
        self.label = label
        self.threshold = threshold
        self.metadataProvider = metadataProvider
        self.sink = sink
        self.now = now
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        sink.write(line(for: event))
    }

    /// The line for an event, including its line feed.
    package func line(for event: LogEvent) -> [UInt8] {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }

        var writer = JSONWriter()
        writer.object {
            $0.member("time", now().text(.microseconds))
            $0.member("level", event.level.rawValue)
            $0.member("logger", label)
            $0.member("message", event.message.description)
            if let error = event.error { $0.member("error", String(describing: error)) }
            for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
                $0.name(Self.reservedNames.contains(key) ? "_" + key : key)
                Self.write(value, to: &$0)
            }
        }
        var line = writer.finish()
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private static let reservedNames: Set<String> = ["time", "level", "logger", "message", "error"]

    private static func write(_ value: Logger.MetadataValue, to writer: inout JSONWriter) {
        switch value {
        case .string(let string):
            writer.value(string)
        case .stringConvertible(let value):
            switch value {
            case let integer as Int: writer.value(integer)
            case let integer as UInt64: writer.value(integer)
            case let number as Double: writer.value(number)
            case let boolean as Bool: writer.value(boolean)
            default: writer.value(value.description)
            }
        case .array(let values):
            writer.array { for value in values { write(value, to: &$0) } }
        case .dictionary(let members):
            writer.object {
                for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                    $0.name(key)
                    write(value, to: &$0)
                }
            }
        }
    }
}
