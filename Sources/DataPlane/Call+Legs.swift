import EventLoop
import HTTP2

/// What goes from one leg of a call to its peer.
extension Call {
    // MARK: Bytes

    /// Whether what the client sends still has somewhere to go.
    var wantsRequestBody: Bool {
        switch upstream {
        case .none, .waiting: return !isAnswered
        // Also behind the upstream's answer: with a piece left out, the request would look complete.
        case .open: if case .none = withdrawal { return true } else { return false }
        case .closed: return false
        }
    }

    /// There is more of the request, or its end.
    func resumeUpstream() {
        guard upstreamAwaitsBody, case .open(let connection, let stream) = upstream else { return }
        upstreamAwaitsBody = false
        connection.use {
            $0.resume(stream)
            $0.markDirty()
        }
    }

    /// There is more of the response, or its end.
    func resumeClient() {
        guard case .open(let connection, let stream) = client else { return }
        if responseBody.isEmpty, case .ended(let trailers?) = response,
            connection.use({ $0.sendTrailersPastWindow(trailers, on: stream) })
        {
            response = .ended(trailers: nil)
            return
        }
        guard clientAwaitsBody else { return }
        clientAwaitsBody = false
        connection.use {
            $0.resume(stream)
            $0.markDirty()
        }
    }

    /// The upstream has taken bytes of the request: the client may send as many more, once.
    func creditClient(_ count: Int) {
        let again = min(count, creditedBytes)
        creditedBytes -= again
        guard count > again, case .open(let connection, let stream) = client else { return }
        connection.use {
            let window = $0.requests.base + requestGrant.inUse
            if window > $0.requests.full {
                $0.creditEarly(stream, waiting: requestBody.count - creditedBytes, window: window)
            } else {
                $0.consumeStream(payDebt(of: &requestGrant, count - again, &$0.requests, $0.worker), on: stream)
            }
            if bytesUp - requestBody.count > window / 2 { widenRequest($0, stream) }
            $0.markDirty()
        }
    }

    /// The client has taken bytes of the response: the upstream may send as many more.
    func creditUpstream(_ count: Int, _ client: ClientConnection) {
        client.responses.took(count)
        guard case .open(let upstream, let stream) = upstream else { return }
        upstream.use {
            let window = $0.streamWindow + responseGrant.inUse
            if window > client.responses.full {
                $0.creditEarly(stream, waiting: responseBody.count, window: window)
            } else {
                $0.consumeStream(payDebt(of: &responseGrant, count, &client.responses, client.worker), on: stream)
            }
            if bytesDown - responseBody.count > window / 2 { widenResponse($0, stream) }
            $0.markDirty()
        }
    }

    /// - Returns: for how many of the bytes that were taken the sender gets credit.
    private func payDebt(
        of grant: inout WindowGrant, _ count: Int, _ allowance: inout WindowAllowance, _ worker: Worker
    ) -> Int {
        guard case .resting(let size, let owed) = grant, owed > 0 else { return count }
        let paid = min(count, owed)
        grant = .resting(size: size, owed: owed - paid)
        allowance.paid(paid, to: &worker.windows)
        return count - paid
    }

    /// Lets more of the response come in while the client takes what has come, as far as its connection's share goes.
    func widenResponse(_ connection: UpstreamConnection, _ stream: StreamID) {
        guard connection.settingsAreAcknowledged, case .open(let client, _) = client else { return }
        client.use { client in
            var change = client.responses.widen(&responseGrant, connection.bandwidth, &client.worker.windows)
            if change == .none, client.restQuietResponses() {
                change = client.responses.widen(&responseGrant, connection.bandwidth, &client.worker.windows)
            }
            connection.apply(change, to: stream, base: connection.streamWindow)
        }
    }

    /// The same for the request, while the upstream takes what has come.
    func widenRequest(_ connection: ClientConnection, _ stream: StreamID) {
        guard connection.settingsAreAcknowledged else { return }
        let worker = connection.worker
        var change = connection.requests.widen(&requestGrant, connection.bandwidth, &worker.windows)
        if change == .none, connection.restQuietRequests() {
            change = connection.requests.widen(&requestGrant, connection.bandwidth, &worker.windows)
        }
        connection.apply(change, to: stream, base: connection.requests.base)
    }

    /// Nothing of the response waits any more, or it comes anew on another stream.
    func giveBackResponseGrant() {
        guard responseGrant != .none, case .open(let client, _) = client else { return }
        client.use { $0.responses.takeBack(responseGrant, to: &$0.worker.windows) }
        responseGrant = .none
    }

    /// The client sends no more on this stream.
    func giveBackRequestGrant() {
        guard requestGrant != .none, case .open(let client, _) = client else { return }
        client.use { $0.requests.takeBack(requestGrant, to: &$0.worker.windows) }
        requestGrant = .none
    }

    // MARK: Replay

    /// The call can't be placed again any more: what was kept for that goes.
    func forgetReplay(_ worker: Worker) {
        requestBody.stopKeeping(to: worker.chunks)
        guard let head = requestHead else { return }
        if !worker.book.logsAccess {
            requestHead = nil
            worker.headerLists.give(head)
        } else if head.isLarge {
            requestHead = worker.headerLists.excerpt(head, of: AccessLogBuffer.fields)
        }
    }

    /// Makes the request ready to be sent from its beginning.
    func rewind() {
        giveBackResponseGrant()
        withdrawal = .none
        creditedBytes += requestBody.replayCount
        requestBody.rewind()
    }

    // MARK: Ends

    /// What the client has sent and still sends has nowhere to go. The connection has its credit already.
    func dropRequestBody(_ worker: Worker) {
        requestBody.removeAll(to: worker.chunks)
        creditedBytes = 0
    }

    /// The client's leg is closed, or the Proxy has answered: so must be the upstream's.
    func cancelUpstream(_ code: ErrorCode) {
        switch upstream {
        case .none, .closed: break
        case .waiting(let pool, let ticket):
            upstream = .none
            pool.use { $0.abandon(ticket) }
        case .open(let connection, let stream):
            connection.use { $0.abandon(self, stream, code == .noError ? .cancel : code) }
        }
    }

    /// Until when the upstream is given time to end the call by itself, though its client has left: to the end of the grace,
    /// for a client that left at its own deadline, which the upstream knows, too. `nil` for one that left before.
    func ownEnd(_ now: MonotonicTime, grace: Duration) -> MonotonicTime? {
        guard let deadline, now < deadline else { return nil }
        let passed = now.nanosecondsSince(began)
        let left = deadline.nanosecondsSince(now)
        let grace = grace.clampedNanoseconds
        // A client begins to count before the Proxy does, and rounds the time up that it sends.
        return left <= grace + 5_000_000 + passed / 32 ? deadline : nil
    }

    /// Answers the call in the Proxy's own name if it isn't answered yet, and ends it at the upstream.
    func end(_ answer: ProxyAnswer, _ worker: Worker) {
        if !response.hasEnded { fail(answer, worker) }
        cancelUpstream(.cancel)
    }

    /// Answers the call, or ends an answer that has begun, in the Proxy's own name.
    func fail(_ answer: ProxyAnswer, _ worker: Worker) {
        assert(!response.hasEnded, "a call is answered once")
        guard case .open(let lent, let stream) = client else { return worker.finishIfOver(self) }
        let connection = lent.object
        let answer = worker.concealed(answer, route)
        proxyAnswer = answer
        let contentType = callProtocol.isGRPCWeb ? requestHead?.text(of: .contentType) : nil
        dropRequestBody(worker)
        forgetReplay(worker)
        if !isGRPC, response.hasBegun { return cutShort(.internalError, worker) }
        let list = worker.headerLists.take()
        switch (callProtocol, response.hasBegun) {
        case (.grpc, false):
            response = .ended(trailers: nil)
            (httpStatus, grpcStatus) = (200, answer.grpcStatus)
            answer.writeTrailersOnly(to: list)
            connection.sendResponse(list, endStream: true, on: stream, self)
            worker.headerLists.give(list)
        case (.grpc, true):
            answer.writeTrailers(to: list)
            response = .ended(trailers: list)
            undeliveredSince = undeliveredSince ?? worker.loop.now
            grpcStatus = answer.grpcStatus
            resumeClient()
        case (.http, _):
            httpStatus = answer.httpStatus
            answer.writeResponse(to: list)
            sendAnswer(list, Array(answer.body.utf8), on: stream, connection)
        case (.grpcWeb, _), (.grpcWebText, _):
            (httpStatus, grpcStatus) = (200, answer.grpcStatus)
            answer.writeWebResponse(to: list, contentType: contentType ?? "application/grpc-web")
            let isText = if case .grpcWebText = callProtocol { true } else { false }
            sendAnswer(list, answer.webBody(isText: isText), on: stream, connection)
        }
    }

    private func sendAnswer(_ head: HeaderList, _ body: [UInt8], on stream: StreamID, _ connection: ClientConnection) {
        response = .ended(trailers: nil)
        if !isHead {
            unsafe body.withUnsafeBytes { unsafe responseBody.append($0, from: connection.chunks) }
            // A client that leaves no window for it must not hold the call for ever.
            undeliveredSince = connection.worker.loop.now
        }
        connection.sendResponse(head, endStream: isHead, on: stream, self)
        connection.headerLists.give(head)
    }

    /// Ends a response that has begun, and that nothing but a reset can tell the client is cut short: once it has what came
    /// before.
    func cutShort(_ code: ErrorCode, _ worker: Worker) {
        response = .ended(trailers: nil)
        responseReset = code
        undeliveredSince = undeliveredSince ?? worker.loop.now
        worker.book.isCutShort(self)
        resumeClient()
    }
}
