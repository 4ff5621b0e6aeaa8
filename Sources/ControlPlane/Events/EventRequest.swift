import Ground

/// An event as it goes over the line.
package struct EventRequest: Sendable, Equatable {
    /// Names in lower case.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]

    /// - Parameters:
    ///   - key: signs it; `nil` for no signature.
    ///   - now: when it is sent.
    package init(_ event: Event, key: EventKey?, version: String, now: Timestamp) {
        let time = now.milliseconds / 1000
        fields = [
            ("content-type", "application/json"), ("user-agent", "sluice/\(version)"), ("sluice-event-id", event.id),
            ("sluice-event-sequence", "\(event.sequence)"), ("sluice-event-time", "\(time)"),
        ]
        if let key {
            let signature = key.signature(time: time, id: event.id, sequence: event.sequence, body: event.body)
            fields.append(("sluice-signature", "v1=\(signature)"))
        }
        body = event.body
    }

    package static func == (left: EventRequest, right: EventRequest) -> Bool {
        left.body == right.body && left.fields.elementsEqual(right.fields) { $0 == $1 }
    }
}

/// What a receiver has answered.
package struct EventAnswer: Sendable, Equatable {
    /// What follows for the event.
    package enum Verdict: Sendable, Equatable {
        case delivered
        /// It will never be accepted, and must not hold up the others.
        case refused
        /// The receiver may accept it later.
        case later
    }

    /// The HTTP status.
    package var status: Int
    /// The time that the receiver asks to be left alone for, in seconds.
    package var retryAfter: Int?

    package init(status: Int, retryAfter: Int? = nil) {
        self.status = status
        self.retryAfter = retryAfter
    }

    /// Redirects are not followed: they would lead the event to somebody who wasn't named. As they concern the address
    /// and not the event, the event waits until somebody has seen to it.
    package var verdict: Verdict {
        switch status {
        case 200..<300: .delivered
        case 408, 429: .later
        case 400..<500: .refused
        default: .later
        }
    }
}

/// Delivers an event to its receiver.
package protocol EventSending: Sendable {
    /// Sends it once; throws if there is no whole answer. It returns soon after its task is cancelled.
    func send(_ request: EventRequest) async throws -> EventAnswer
}
