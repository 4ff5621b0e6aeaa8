extension Asker {
    /// Asks for a page by `GET`, and waits for its body.
    package func get(_ path: String, largestBody: Int, with contact: Contact) async -> HTTPExchange.Outcome {
        await answer(ifStopped: .failed(reason: Self.stopped)) { [resolver] loop, answer in
            let exchange = HTTPExchange(contact, path: path, largestBody: largestBody)
            Conversation.start(exchange, with: contact, on: loop, resolver: resolver) { _ in
                answer(exchange.outcome ?? .failed(reason: "there is no answer"))
            }
        }
    }
}
