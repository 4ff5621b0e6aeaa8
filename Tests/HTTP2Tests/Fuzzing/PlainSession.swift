import CNghttp2
import HTTP2

/// A plain session of libnghttp2, which decodes and judges header lists itself: `Session` must agree with it.
///
/// Soundness: `session` is valid from `init` until `deinit`.
@safe
final class PlainSession {
    private let role: Session.Role
    private var session: OpaquePointer?
    private(set) var messages: [StreamID: Conversation.Message] = [:]
    private(set) var ended: Set<StreamID> = []
    private var list: [String] = []
    /// Fields of the arriving list, in order.
    private var fields: [(name: String, value: String)] = []

    init(_ role: Session.Role, _ settings: SessionSettings) {
        self.role = role
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        unsafe precondition(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&options) == 0)
        defer {
            unsafe nghttp2_session_callbacks_del(callbacks)
            unsafe nghttp2_option_del(options)
        }
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        for type in UInt8(0x0a)...UInt8.max { unsafe nghttp2_option_set_user_recv_extension_type(options, type) }
        unsafe nghttp2_session_callbacks_set_unpack_extension_callback(
            callbacks, { _, _, _, _ in PlainSession.ignored })
        unsafe nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(
            callbacks, { _, _, _, _, _ in PlainSession.ignored })
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, _, user in
            unsafe PlainSession.from(user).list = []
            unsafe PlainSession.from(user).fields = []
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, _, name, nameLength, value, valueLength, _, user in
            let name = unsafe String(decoding: UnsafeBufferPointer(start: name, count: nameLength), as: UTF8.self)
            let value = unsafe String(decoding: UnsafeBufferPointer(start: value, count: valueLength), as: UTF8.self)
            let session = unsafe PlainSession.from(user)
            let passed = PassedField.passed(name, value, to: session.role)
            session.fields.append((name, value))
            if let value = passed { session.list.append("\(name)=\(value)") }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            unsafe PlainSession.from(user).received(frame!)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            _, _, stream, bytes, count, user in
            let bytes = unsafe UnsafeBufferPointer(start: bytes, count: count)
            unsafe PlainSession.from(user).messages[stream, default: Conversation.Message()].body += bytes
            return 0
        }
        let user = unsafe Unmanaged.passUnretained(self).toOpaque()
        let result =
            switch role {
            case .server: unsafe nghttp2_session_server_new2(&session, callbacks, user, options)
            case .client: unsafe nghttp2_session_client_new2(&session, callbacks, user, options)
            }
        precondition(result == 0)
        // The SETTINGS that `Session` announces.
        var entries = [
            role == .server
                ? Self.entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams)
                : Self.entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)
        ]
        if settings.streamWindow != 65_535 {
            entries.append(Self.entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(settings.streamWindow)))
        }
        entries.append(Self.entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize))
        entries.append(Self.entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
        unsafe precondition(nghttp2_submit_settings(session, 0, entries, entries.count) == 0)
        unsafe precondition(nghttp2_session_set_local_window_size(session, 0, 0, settings.connectionWindow) == 0)
    }

    deinit { unsafe nghttp2_session_del(session) }

    private static func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }

    private static let ignored = Int32(NGHTTP2_ERR_CANCEL.rawValue)

    private static func from(_ user: UnsafeMutableRawPointer?) -> PlainSession {
        unsafe Unmanaged<PlainSession>.fromOpaque(user!).takeUnretainedValue()
    }

    /// Opens a stream with a request that has no body. Its bytes aren't compared, as its encoding differs from
    /// `Session`'s.
    func request(method: String) {
        var (name, value) = (Array(":method".utf8), Array(method.utf8))
        unsafe name.withUnsafeMutableBufferPointer { name in
            unsafe value.withUnsafeMutableBufferPointer { value in
                var pair = unsafe nghttp2_nv(
                    name: name.baseAddress, value: value.baseAddress, namelen: name.count, valuelen: value.count,
                    flags: 0)
                unsafe precondition(nghttp2_submit_request(session, nil, &pair, 1, nil, nil) > 0)
            }
        }
    }

    /// - Returns: whether the session goes on.
    func receive(_ bytes: [UInt8]) -> Bool { unsafe nghttp2_session_mem_recv(session, bytes, bytes.count) >= 0 }

    /// Everything that is to be sent.
    func takeOutput() -> [UInt8] {
        var output: [UInt8] = []
        var bytes: UnsafePointer<UInt8>?
        while case let count = unsafe nghttp2_session_mem_send(session, &bytes), count > 0 {
            unsafe output += UnsafeBufferPointer(start: bytes, count: count)
        }
        return output
    }

    private func received(_ frame: UnsafePointer<nghttp2_frame>) {
        let stream = unsafe nghttp2_shim_stream(frame)
        let kind = unsafe nghttp2_shim_type(frame)
        if kind == UInt8(NGHTTP2_HEADERS.rawValue) {
            if role == .server, PassedField.areRefused(fields) {
                unsafe nghttp2_submit_rst_stream(session, 0, stream, UInt32(NGHTTP2_PROTOCOL_ERROR.rawValue))
                return
            }
            if PassedField.hasSecondHost(fields) { list.removeAll { $0.hasPrefix("host=") } }
            var message = messages[stream] ?? Conversation.Message()
            if !list.contains(where: { $0.hasPrefix(":") }) {
                message.trailers = list
            } else if list.first?.hasPrefix(":status=1") == true {
                message.informational.append(list)
            } else {
                message.head = list
            }
            messages[stream] = message
        }
        guard kind <= UInt8(NGHTTP2_HEADERS.rawValue) else { return }
        if unsafe nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { ended.insert(stream) }
    }
}
