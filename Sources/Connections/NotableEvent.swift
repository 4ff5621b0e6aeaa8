/// An event worth a line in the log.
package struct NotableEvent: Sendable {
    /// The level of a log line.
    package enum Severity: Sendable {
        case info
        case warning
        case error
    }

    /// The level of the line.
    package var severity: Severity
    /// The event in a few words, without its details: a constant for each kind of event.
    package var message: String
    /// Further fields of the line, in order.
    package var details: [(name: String, value: String)]

    package init(_ severity: Severity, _ message: String, _ details: [(name: String, value: String)] = []) {
        self.severity = severity
        self.message = message
        self.details = details
    }
}
