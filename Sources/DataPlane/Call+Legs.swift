import Connections
import EventLoop
import HTTP2

/// What one leg of a call passes to the other.
extension Call {
    // MARK: Bytes

    /// Whether what the client sends still has somewhere to go.
    var wantsRequestBody: Bool {
        switch upstream {
        case .none, .waiting: return !isAnswered
        // Even after the upstream's answer: with a piece left out, the request would look complete.
        case .open: if case .none = withdrawal { return true } else { return false }
        case .closed: return false
        }
    }

    /// Tells the upstream's session that there is more of the request, or its end.
    func resumeUpstream() {
        guard upstreamAwaitsBody, case .open(let connection, let stream) = upstream else { return }
        upstreamAwaitsBody = false
        connection.use {
            $0.resume(stream)
            $0.markDirty()
        }
    }

    /// Tells the client's session that there is more of the response, or its end.
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

    /// Gives the client credit for request bytes that the upstream has taken, once for each byte.
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

    /// Gives the upstream credit for response bytes that the client has taken.
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

    /// - Returns: how many of the bytes taken give the sender credit.
    private func payDebt(
        of grant: inout WindowGrant, _ count: Int, _ allowance: inout WindowAllowance, _ worker: Worker
    ) -> Int {
        guard case .resting(let size, let owed) = grant, owed > 0 else { return count }
        let paid = min(count, owed)
        grant = .resting(size: size, owed: owed - paid)
        allowance.paid(paid, to: &worker.windows)
        return count - paid
    }

    /// Widens the upstream stream's window while the client takes what has come, as far as the client connection's
    /// share allows.
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

    /// Widens the request's window in the same way, while the upstream takes what has come.
    func widenRequest(_ connection: ClientConnection, _ stream: StreamID) {
        guard connection.settingsAreAcknowledged else { return }
        let worker = connection.worker
        var change = connection.requests.widen(&requestGrant, connection.bandwidth, &worker.windows)
        if change == .none, connection.restQuietRequests() {
            change = connection.requests.widen(&requestGrant, connection.bandwidth, &worker.windows)
        }
        connection.apply(change, to: stream, base: connection.requests.base)
    }

    /// Gives back the response's window growth, once nothing of the response waits any more or it restarts on another
    /// stream.
    func giveBackResponseGrant() {
        guard !responseGrant.isNone, case .open(let client, _) = client else { return }
        client.use { $0.responses.takeBack(responseGrant, to: &$0.worker.windows) }
        responseGrant = .none
    }

    /// Gives back the request's window growth, once the client sends no more on this stream.
    func giveBackRequestGrant() {
        guard !requestGrant.isNone, case .open(let client, _) = client else { return }
        client.use { $0.requests.takeBack(requestGrant, to: &$0.worker.windows) }
        requestGrant = .none
    }

    // MARK: Replay

    /// Releases what was kept for placing the call again, which is no longer possible.
    func forgetReplay(_ worker: Worker) {
        requestBody.stopKeeping(to: worker.chunks)
        guard let head = requestHead else { return }
        if !worker.book.keepsPath(of: self) {
            requestHead = nil
            worker.headerLists.give(head)
        } else if head.isLarge {
            requestHead = worker.headerLists.excerpt(head, of: AccessLogBuffer.fields)
        }
    }

    /// Prepares the request to be sent again from its beginning.
    func rewind() {
        giveBackResponseGrant()
        withdrawal = .none
        creditedBytes += requestBody.replayCount
        requestBody.rewind()
    }

    // MARK: Ends

    /// Drops the request's body, as what the client has sent and still sends has nowhere to go. The connection has its
    /// credit already.
    func dropRequestBody(_ worker: Worker) {
        requestBody.removeAll(to: worker.chunks)
        creditedBytes = 0
    }

    /// Ends the upstream's leg, as the client's leg is closed or the Proxy has answered.
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

    /// The time until which the upstream may end the call by itself although the client has left: the end of the grace,
    /// if the client left at its own deadline, which the upstream knows too. `nil` if the client left earlier.
    func ownEnd(_ now: MonotonicTime, grace: Duration) -> MonotonicTime? {
        guard let deadline, now < deadline else { return nil }
        let passed = now.nanosecondsSince(began)
        let left = deadline.nanosecondsSince(now)
        let grace = grace.clampedNanoseconds
        // A client starts counting before the Proxy does, and rounds up the time that it sends.
        return left <= grace + 5_000_000 + passed / 32 ? deadline : nil
    }

    /// Gives the call a proxy answer if it has no answer yet, and ends it at the upstream.
    func end(_ answer: ProxyAnswer, _ worker: Worker) {
        if !response.hasEnded { fail(answer, worker) }
        cancelUpstream(.cancel)
    }

    /// Answers the call, or ends an answer that has begun, with a proxy answer.
    func fail(_ answer: ProxyAnswer, _ worker: Worker) {
        assert(!response.hasEnded, "a call is answered once")
        guard case .open(let lent, let stream) = client else { return worker.finishIfOver(self) }
        let connection = lent.object
        let answer = worker.concealed(answer, destination?.color)
        proxyAnswer = answer
        // An answer of the Proxy's own is no color's.
        copy?.giveUp(.cancelled)
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

    /// Ends a response that has begun and that only a reset can mark as cut short, once the client has what came
    /// before.
    func cutShort(_ code: ErrorCode, _ worker: Worker) {
        response = .ended(trailers: nil)
        responseReset = code
        undeliveredSince = undeliveredSince ?? worker.loop.now
        worker.book.isCutShort(self)
        resumeClient()
    }
}
