/// Functions of four numbers at once, for the hundreds of them between two layers.
///
/// They differ from the C library's in the last place or two. Sources for the approximations: S. L. Moshier, Cephes
/// Mathematical Library, `exp.c`, `tanh.c`.
extension SIMD4<Double> {
    /// e^x, for x from -708 to 709. NaN stays NaN.
    var exponential: SIMD4<Double> {
        // x = n log 2 + rest. Adding 1.5 · 2^52 rounds to a whole number, which is then in the last bits of the sum.
        let shifted = self * 1.442_695_040_888_963_4 + 6_755_399_441_055_744
        let n = shifted - 6_755_399_441_055_744
        let rest = (self - n * 6.931_457_519_531_25e-1) - n * 1.428_606_820_309_417_232_12e-6
        let square = rest * rest
        var odd = square * 1.261_771_930_748_105_908_78e-4 + 3.029_944_077_074_419_613_00e-2
        odd = (odd * square + 9.999_999_999_999_999_999_10e-1) * rest
        var even = square * 3.001_985_051_386_644_550_42e-6 + 2.524_483_403_496_841_041_92e-3
        even = even * square + 2.272_655_482_081_550_287_66e-1
        even = even * square + 2
        let power = odd / (even - odd) * 2 + 1
        // Both types are four times 8 bytes without padding. The exponent of 2^n fits into its bits in this range.
        let bits = unsafe unsafeBitCast(shifted, to: SIMD4<Int64>.self)
        let scale = (bits &<< 52) &+ SIMD4<Int64>(repeating: 1023 << 52)
        return unsafe power * unsafeBitCast(scale, to: SIMD4<Double>.self)
    }

    /// tanh x. NaN stays NaN.
    var hyperbolicTangent: SIMD4<Double> {
        let size = replacing(with: -self, where: self .< 0)
        // From 22 on, it is 1 to the last place.
        let twice = size.replacing(with: 22, where: size .> 22) * 2
        let large = 1 - 2 / (twice.exponential + 1)
        let square = self * self
        var numerator = square * -9.643_991_794_250_522_386_28e-1 - 9.928_772_310_019_185_865_64e1
        numerator = numerator * square - 1.614_687_684_417_084_479_52e3
        var denominator = square + 1.128_116_784_916_329_314_02e2
        denominator = denominator * square + 2.235_488_390_601_004_485_83e3
        denominator = denominator * square + 4.844_063_053_251_254_860_48e3
        let small = self + self * square * numerator / denominator
        return large.replacing(with: -large, where: self .< 0).replacing(with: small, where: size .< 0.625)
    }

    /// 1 / (1 + e^-x). NaN stays NaN.
    var logistic: SIMD4<Double> {
        let exponent = -self
        let bounded = exponent.replacing(with: 709, where: exponent .> 709)
        return 1 / (bounded.replacing(with: -708, where: bounded .< -708).exponential + 1)
    }
}

extension UnsafeMutableBufferPointer<Double> {
    /// Replaces each number by a function of it. A number has the same result wherever it lies.
    @inline(__always)
    func replaceEach(by function: (SIMD4<Double>) -> SIMD4<Double>) {
        guard let first = baseAddress else { return }
        var place = 0
        while place + 4 <= count {
            let four = unsafe function(LinearMap.load(first + place))
            unsafe UnsafeMutableRawPointer(first + place).storeBytes(of: four, as: SIMD4<Double>.self)
            place += 4
        }
        guard place < count else { return }
        var four = SIMD4<Double>.zero
        for lane in 0..<count - place { four[lane] = unsafe first[place + lane] }
        four = function(four)
        for lane in 0..<count - place { unsafe first[place + lane] = four[lane] }
    }
}
