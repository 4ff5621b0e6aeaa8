import Certificates
import GRPCServer
import Ground
import Inference

/// `GET /metrics`, in Prometheus' text format.
enum PredictorMetrics {
    static func text(
        _ report: (counts: CallCounts, inFlight: Int, connections: Int), methods: [Method],
        repository: ModelRepository?, certificates: [CertificateStatus], isServing: Bool
    ) -> String {
        var lines = [
            "# HELP predictor_serving Whether predictions are served.",
            "# TYPE predictor_serving gauge",
            "predictor_serving \(isServing ? 1 : 0)",
            "# HELP predictor_model_info The models that are served.",
            "# TYPE predictor_model_info gauge",
        ]
        for entry in repository?.entries ?? [] {
            for model in entry.versions {
                lines.append(
                    "predictor_model_info{model=\"\(escaped(entry.name))\",model_version=\"\(escaped(model.version))\","
                        + "sha256=\"\(model.sha256)\"} 1")
            }
        }
        lines += [
            "# HELP predictor_grpc_connections Open connections.",
            "# TYPE predictor_grpc_connections gauge",
            "predictor_grpc_connections \(report.connections)",
            "# HELP predictor_grpc_calls_in_flight Calls without an answer.",
            "# TYPE predictor_grpc_calls_in_flight gauge",
            "predictor_grpc_calls_in_flight \(report.inFlight)",
            "# HELP predictor_grpc_calls_total Calls that have ended, by method and status.",
            "# TYPE predictor_grpc_calls_total counter",
        ]
        let places: [(place: Int?, name: String)] =
            methods.enumerated().map { ($0.offset, $0.element.name) } + [(nil, "other")]
        for (place, name) in places {
            for status in GRPCStatus.allCases {
                let count = report.counts[place, status]
                if count > 0 || place != nil && status == .ok {
                    lines.append("predictor_grpc_calls_total{method=\"\(name)\",code=\"\(status.name)\"} \(count)")
                }
            }
        }
        for certificate in certificates { lines += self.lines(certificate) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(_ certificate: CertificateStatus) -> [String] {
        var lines: [String] = []
        if let expiry = certificate.expiry {
            lines += [
                "# HELP predictor_tls_certificate_expiry_timestamp_seconds Unix time at which the first certificate expires.",
                "# TYPE predictor_tls_certificate_expiry_timestamp_seconds gauge",
                "predictor_tls_certificate_expiry_timestamp_seconds \(expiry)",
            ]
        }
        return lines + [
            "# HELP predictor_tls_reloads_total Times that certificate files were read again, by what came of it.",
            "# TYPE predictor_tls_reloads_total counter",
            "predictor_tls_reloads_total{outcome=\"applied\"} \(certificate.reloads)",
            "predictor_tls_reloads_total{outcome=\"failed\"} \(certificate.failedReloads)",
        ]
    }

    /// A label's value as the format has it.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
