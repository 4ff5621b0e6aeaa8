/// A numpy array: its elements in row-major ("C") order, whatever their order in the file.
package struct NumpyArray: Sendable, Equatable {
    /// The lengths of the dimensions; empty for a single value. Their product is the number of elements.
    package let shape: [Int]

    /// The elements, in row-major order.
    package let elements: Elements

    /// Elements of one kind.
    package enum Elements: Sendable, Equatable {
        case booleans([Bool])
        case integers([Int])
        case floats([Double])
        case strings([String])
        case objects([PickledValue])
    }

    /// An array of elements that are already in row-major order; their number must match the shape.
    package init(shape: [Int], elements: Elements) {
        self.shape = shape
        self.elements = elements
    }

    /// The content of a `numpy.ndarray` before its state is set.
    static let empty = NumpyArray(shape: [0], elements: .floats([]))
}

/// The order of a multi-dimensional array's elements in the file.
package enum ElementOrder: Sendable {
    /// The last index changes fastest ("C").
    case rowMajor
    /// The first index changes fastest ("F", for Fortran).
    case columnMajor
}

extension NumpyArray {
    /// The number of elements in a shape; nil if a length is negative or the product too large for an Int.
    package static func elementCount(of shape: [Int]) -> Int? {
        var count = 1
        for length in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            if length < 0 || overflow { return nil }
            count = product
        }
        return count
    }

    /// The memory that the decoded elements take, in bytes; nil if that is too large for an Int.
    package static func decodedSize(count: Int, type: NumpyDataType) -> Int? {
        let elementSize =
            switch type.kind {
            case .boolean: MemoryLayout<Bool>.stride
            case .signedInteger, .unsignedInteger: MemoryLayout<Int>.stride
            case .float: MemoryLayout<Double>.stride
            // A UCS-4 character takes at most 4 bytes in UTF-8 as well; 32 bytes more are for a string's own storage.
            case .text: MemoryLayout<String>.stride + type.itemSize + 32
            case .object: MemoryLayout<PickledValue>.stride
            // Records stay as bytes; this is for what their reader makes of them, however small they are.
            case .record: max(type.itemSize, 64)
            }
        let (size, overflow) = count.multipliedReportingOverflow(by: elementSize)
        return overflow ? nil : size
    }

    /// Decodes elements of a fixed size.
    ///
    /// The caller has checked that `bytes` holds exactly the number of elements in `shape`, and that `type` is neither
    /// `.object` nor `.record`.
    init(
        bytes: ArraySlice<UInt8>, type: NumpyDataType, shape: [Int], order: ElementOrder
    ) throws(PickleError.Reason) {
        let count = bytes.count / type.itemSize
        let places = Self.places(shape: shape, order: order)
        self.shape = shape
        switch type.kind {
        case .boolean:
            elements = unsafe .booleans(bytes.withUnsafeBytes { raw in places.map(count) { unsafe raw[$0] != 0 } })
        case .signedInteger:
            elements = unsafe .integers(
                bytes.withUnsafeBytes { raw in
                    places.map(count) { place in
                        let bits = unsafe Self.bits(raw, place, type)
                        let unused = UInt64(64 - 8 * type.itemSize)
                        return Int(Int64(bitPattern: bits << unused) >> Int64(unused))
                    }
                })
        case .unsignedInteger:
            let numbers = unsafe bytes.withUnsafeBytes { raw in places.map(count) { unsafe Self.bits(raw, $0, type) } }
            guard numbers.allSatisfy({ $0 <= UInt64(Int.max) }) else {
                throw .unexpected(found: "an unsigned integer above 2^63 - 1", expected: "a smaller one")
            }
            elements = .integers(numbers.map { Int($0) })
        case .float:
            elements = unsafe .floats(
                bytes.withUnsafeBytes { raw in
                    places.map(count) { place in
                        let bits = unsafe Self.bits(raw, place, type)
                        return type.itemSize == 4
                            ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))) : Double(bitPattern: bits)
                    }
                })
        case .text:
            let strings = unsafe bytes.withUnsafeBytes { raw in places.map(count) { unsafe Self.text(raw, $0, type) } }
            guard let texts = strings.contains(nil) ? nil : strings.compactMap({ $0 }) else {
                throw .invalidText(encoding: "UCS-4")
            }
            elements = .strings(texts)
        case .object, .record:
            preconditionFailure("Objects have no bytes, and records stay bytes.")
        }
    }

    /// Stores elements that are Python objects.
    init(objects: [PickledValue], shape: [Int], order: ElementOrder) {
        self.shape = shape
        elements = .objects(Self.places(shape: shape, order: order).map(objects.count) { objects[$0] })
    }

    /// The element at `place` as bits, zero-extended to 64.
    private static func bits(_ raw: UnsafeRawBufferPointer, _ place: Int, _ type: NumpyDataType) -> UInt64 {
        var bits: UInt64 = 0
        let start = place * type.itemSize
        for index in 0..<type.itemSize {
            let byte = unsafe raw[type.byteOrder == .big ? start + index : start + type.itemSize - 1 - index]
            bits = bits << 8 | UInt64(byte)
        }
        return bits
    }

    /// The element at `place` as text without trailing zeros; nil if a character is not valid Unicode.
    private static func text(_ raw: UnsafeRawBufferPointer, _ place: Int, _ type: NumpyDataType) -> String? {
        let characterType = NumpyDataType(kind: .unsignedInteger, itemSize: 4, byteOrder: type.byteOrder)
        let width = type.itemSize / 4
        var codes = (0..<width).map { unsafe UInt32(truncatingIfNeeded: bits(raw, place * width + $0, characterType)) }
        while codes.last == 0 { codes.removeLast() }
        var text = String.UnicodeScalarView()
        for code in codes {
            guard let scalar = Unicode.Scalar(code) else { return nil }
            text.append(scalar)
        }
        return String(text)
    }

    private static func places(shape: [Int], order: ElementOrder) -> Places {
        switch order {
        case .rowMajor: .inOrder
        case .columnMajor: shape.count < 2 ? .inOrder : .transposed(shape)
        }
    }
}

/// The positions in the file of elements that are to follow one another in row-major order.
private enum Places {
    case inOrder
    /// Column-major elements of this shape.
    case transposed([Int])

    func map<Element>(_ count: Int, _ transform: (Int) -> Element) -> [Element] {
        switch self {
        case .inOrder:
            return (0..<count).map(transform)
        case .transposed(let shape):
            var strides: [Int] = []
            var stride = 1
            for length in shape {
                strides.append(stride)
                stride *= length
            }
            var index = [Int](repeating: 0, count: shape.count)
            var place = 0
            var elements: [Element] = []
            elements.reserveCapacity(count)
            for _ in 0..<count {
                elements.append(transform(place))
                // Increments the index like an odometer, last dimension first.
                var dimension = shape.count - 1
                while dimension >= 0 {
                    index[dimension] += 1
                    place += strides[dimension]
                    if index[dimension] < shape[dimension] { break }
                    place -= strides[dimension] * shape[dimension]
                    index[dimension] = 0
                    dimension -= 1
                }
            }
            return elements
        }
    }
}
