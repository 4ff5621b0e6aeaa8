extension Collection<Double> where Index == Int {
    /// The sum as numpy adds up a contiguous axis: in order below 8 numbers, in eight interleaved sums up to 128, and in
    /// halves beyond.
    ///
    /// Source: numpy, `numpy/_core/src/umath/loops_utils.h.src`, `pairwise_sum`.
    var pairwiseSum: Double {
        if count < 8 {
            // numpy begins at -0 since version 2, and at the first number otherwise; it makes a difference for -0 alone.
            return reduce(0, +)
        }
        if count > 128 {
            var half = count / 2
            half -= half % 8
            return prefix(half).pairwiseSum + dropFirst(half).pairwiseSum
        }
        var sums = Array(prefix(8))
        var place = startIndex + 8
        while place + 8 <= endIndex {
            for lane in 0..<8 { sums[lane] += self[place + lane] }
            place += 8
        }
        var sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
        while place < endIndex {
            sum += self[place]
            place += 1
        }
        return sum
    }

    /// The place of the largest number, counted from 0; of several equal ones, the first.
    var indexOfMaximum: Int {
        var best = startIndex
        for index in indices where self[index] > self[best] { best = index }
        return best - startIndex
    }
}
