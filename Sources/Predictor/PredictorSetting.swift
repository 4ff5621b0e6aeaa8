/// How a setting of the Predictor is named and explained; `PredictorSettings` says what its values mean.
///
/// The flag, its entry in `--help`, the variable in the environment and the name in errors are all derived from this.
struct PredictorSetting: Sendable {
    /// The name in the environment: `MODEL_PATH`.
    let variable: String
    /// The placeholder for the value in `--help`.
    let placeholder: String
    /// What the setting does, in full sentences.
    let help: String
    /// The default, as it would be written, or in words where it depends on something else.
    let standard: String

    private init(_ variable: String, _ placeholder: String, standard: String, help: String) {
        self.variable = variable
        self.placeholder = placeholder
        self.help = help
        self.standard = standard
    }

    /// The name on the command line, without its dashes: `model-path`.
    var flag: String { variable.lowercased().replacing("_", with: "-") }
    /// The text in `--help`.
    var flagHelp: String { "\(help) [\(variable)] (default: \(standard))" }

    /// In the order in which they are shown.
    static let all = [
        modelVersion, modelPath, modelName, host, port, listen, httpHost, httpPort, logLevel, shutdownGrace,
        httpMaxBody,
        httpMaxBytesInFlight, httpRequestTimeout, workers, maxMessageSize, tlsCertificate, tlsKey, tlsClientAuthority,
    ]

    static let modelVersion = PredictorSetting(
        "MODEL_VERSION", "version", standard: "what model.json beside the model says",
        help: "Version that the model is served as.")
    static let modelPath = PredictorSetting(
        "MODEL_PATH", "path", standard: "models/v1.0.0/model.pkl",
        help: "The model's file, or a folder with NAME/VERSION/model.* in it for each model.")
    static let modelName = PredictorSetting(
        "MODEL_NAME", "name", standard: "model",
        help: "Name of a model that comes alone; in a folder, the model that answers requests that can't name one.")
    static let host = PredictorSetting(
        "HOST", "address", standard: "0.0.0.0", help: "IPv4 or IPv6 address to listen on.")
    static let port = PredictorSetting(
        "PORT", "port", standard: "50051", help: "Port for gRPC, 0 to 65535; 0 takes a free one.")
    static let listen = PredictorSetting(
        "LISTEN", "address", standard: "HOST:PORT",
        help: """
            Where gRPC is served: HOST:PORT, with an IPv6 address in brackets, or unix:PATH for a Unix socket. One that \
            nobody listens on any more is replaced, and its folder says who may connect.
            """)
    static let httpHost = PredictorSetting(
        "HTTP_HOST", "address", standard: "HOST, or 127.0.0.1 if gRPC has TLS",
        help: "IPv4 or IPv6 address to listen on for HTTP, which has no TLS.")
    static let httpPort = PredictorSetting(
        "HTTP_PORT", "port", standard: "the gRPC port + 1000, or 51051 if it has none",
        help: "Port for HTTP, 0 to 65535; 0 takes a free one.")
    static let logLevel = PredictorSetting(
        "LOG_LEVEL", "level", standard: "info",
        help: "Least severe level to log: trace, debug, info, notice, warning, error or critical.")
    static let shutdownGrace = PredictorSetting(
        "SHUTDOWN_GRACE", "duration", standard: "30s",
        help: "How long calls under way may take after a signal to stop, for example 500ms, 30s or 2m.")
    static let httpMaxBody = PredictorSetting(
        "HTTP_MAX_BODY", "bytes", standard: "8388608",
        help: "Largest body of a request over HTTP, in bytes; larger ones get 413.")
    static let httpMaxBytesInFlight = PredictorSetting(
        "HTTP_MAX_BYTES_IN_FLIGHT", "bytes", standard: "67108864",
        help: """
            Bytes of bodies and answers over HTTP that are held at a time; beyond that the request that has waited for \
            its client longest gets 503.
            """)
    static let httpRequestTimeout = PredictorSetting(
        "HTTP_REQUEST_TIMEOUT", "duration", standard: "30s",
        help: "How long a request over HTTP may take to come whole.")
    static let workers = PredictorSetting(
        "WORKERS", "count", standard: "1", help: "Threads that serve gRPC connections, 1 to 256.")
    static let maxMessageSize = PredictorSetting(
        "MAX_MESSAGE_SIZE", "bytes", standard: "4194304",
        help: "Largest message over gRPC, in bytes; larger ones get RESOURCE_EXHAUSTED.")
    static let tlsCertificate = PredictorSetting(
        "TLS_CERT", "file", standard: "none",
        help: """
            Use TLS 1.2 or 1.3 for gRPC, ALPN h2, with this certificate and its chain (PEM). Files that change are read \
            again.
            """)
    static let tlsKey = PredictorSetting(
        "TLS_KEY", "file", standard: "none", help: "The certificate's private key (PEM).")
    static let tlsClientAuthority = PredictorSetting(
        "TLS_CLIENT_CA", "file", standard: "none",
        help: "Admit only clients that show a certificate signed by one of these authorities (PEM).")
}
