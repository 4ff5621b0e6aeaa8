import HTTP2
import TestSupport

/// Damage that a hostile or broken peer may do to valid frames.
enum FrameMutation: CaseIterable {
    case flippedBit
    case anyByte
    case falseLength
    case falseFlags
    case falseStream
    case falseKind
    case lost
    case twice
    case swapped
    case cutShort
    case strangeFrame
    case strangeHeaderBlock
    case pushPromise
    case endOfEverything
    case noise

    /// Damages the frames in this way at a random place.
    func apply(to frames: inout [[UInt8]], using random: inout SplitMix) {
        guard let place = frames.indices.randomElement(using: &random) else { return }
        func stream(_ random: inout SplitMix) -> StreamID {
            Bool.random(using: &random)
                ? StreamID(Int32.random(in: 0..<12, using: &random)) : Int32.random(in: 0...Int32.max, using: &random)
        }
        switch self {
        case .flippedBit:
            let index = frames[place].indices.randomElement(using: &random)!
            frames[place][index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case .anyByte:
            let index = frames[place].indices.randomElement(using: &random)!
            frames[place][index] = .random(in: 0...255, using: &random)
        case .falseLength:
            let length = UInt32.random(in: 0...(Bool.random(using: &random) ? 64 : 0xff_ffff), using: &random)
            frames[place].replaceSubrange(0..<3, with: FrameBytes.bigEndian(length).dropFirst())
        case .falseFlags:
            frames[place][4] = .random(in: 0...255, using: &random)
        case .falseStream:
            frames[place].replaceSubrange(5..<9, with: FrameBytes.bigEndian(UInt32(stream(&random))))
        case .falseKind:
            frames[place][3] = .random(in: 0...11, using: &random)
        case .lost:
            frames.remove(at: place)
        case .twice:
            frames.insert(frames[place], at: frames.indices.randomElement(using: &random)!)
        case .swapped:
            frames.swapAt(place, frames.indices.randomElement(using: &random)!)
        case .cutShort:
            frames[place].removeLast(Int.random(in: 0...frames[place].count - FrameBytes.headerLength, using: &random))
        case .strangeFrame:
            frames.insert(
                FrameBytes.frame(
                    .random(in: 0...11, using: &random), .random(in: 0...255, using: &random), stream(&random),
                    Self.bytes(Int.random(in: 0..<40, using: &random), &random)),
                at: place)
        case .strangeHeaderBlock:
            frames.insert(
                FrameBytes.frame(
                    FrameBytes.Kind.headers, FrameBytes.Flag.endHeaders | .random(in: 0...1, using: &random),
                    stream(&random), Self.bytes(Int.random(in: 0..<80, using: &random), &random)),
                at: place)
        case .pushPromise:
            frames.insert(
                FrameBytes.frame(
                    FrameBytes.Kind.pushPromise, FrameBytes.Flag.endHeaders, stream(&random),
                    FrameBytes.bigEndian(UInt32(stream(&random))) + [0x82, 0x86, 0x84]),
                at: place)
        case .endOfEverything:
            frames.insert(
                FrameBytes.frame(
                    FrameBytes.Kind.goAway, 0, 0, FrameBytes.bigEndian(UInt32(stream(&random))) + [0, 0, 0, 0]),
                at: place)
        case .noise:
            frames.insert(Self.bytes(Int.random(in: FrameBytes.headerLength..<60, using: &random), &random), at: place)
        }
    }

    static func bytes(_ count: Int, _ random: inout SplitMix) -> [UInt8] {
        (0..<count).map { _ in .random(in: 0...255, using: &random) }
    }
}
