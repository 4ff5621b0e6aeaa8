/// Random damage to bytes.
enum Damage {
    static func strike(_ bytes: inout [UInt8], _ random: inout some RandomNumberGenerator) {
        guard let place = bytes.indices.randomElement(using: &random) else {
            bytes = [UInt8.random(in: 0...255, using: &random)]
            return
        }
        let length = min(Int.random(in: 1...16, using: &random), bytes.count - place)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 2: bytes.removeSubrange(place..<place + length)
        case 3:
            bytes.insert(contentsOf: bytes[place..<place + length], at: bytes.indices.randomElement(using: &random)!)
        case 4:
            for index in place..<place + length { bytes[index] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &random)! }
        default:
            let noise = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            bytes.insert(contentsOf: noise, at: place)
        }
    }
}
