/// The `grpc-timeout` field (gRPC's `PROTOCOL-HTTP2.md`): at most eight digits and a unit.
package enum GRPCTimeout {
    /// - Returns: `nil` if the value isn't a timeout. No upstream sees such a call: `-1S` ends the whole process of
    ///   grpc-swift.
    package static func parse(_ value: some Collection<UInt8>) -> Duration? {
        guard (2...9).contains(value.count), let unit = value.suffix(1).first else { return nil }
        var number: Int64 = 0
        for digit in value.dropLast() {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int64(digit - UInt8(ascii: "0"))
        }
        switch unit {
        case UInt8(ascii: "H"): return .seconds(number * 3600)
        case UInt8(ascii: "M"): return .seconds(number * 60)
        case UInt8(ascii: "S"): return .seconds(number)
        case UInt8(ascii: "m"): return .milliseconds(number)
        case UInt8(ascii: "u"): return .microseconds(number)
        case UInt8(ascii: "n"): return .nanoseconds(number)
        default: return nil
        }
    }
}
