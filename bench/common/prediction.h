#ifndef SLUICE_BENCH_PREDICTION_H
#define SLUICE_BENCH_PREDICTION_H

/// The 64 bytes of a PredictResponse (protos/prediction.proto): a label of 10 letters, two classes with the 8 bytes of their
/// probabilities, a version of 6 letters and a request's identifier.
#define PREDICTION(label, first, second, version)                                                                      \
    "\x0a\x0a" label "\x12\x12\x0a\x07" "setosa " "\x11" first "\x12\x12\x0a\x07" "virgini" "\x11" second              \
    "\x1a\x06" version "\x22\x02" "id"

enum {
    PREDICTION_BYTES = 64,
    PREDICTION_LABEL = 2,
    PREDICTION_LABEL_BYTES = 10,
    PREDICTION_FIRST = 24,
    PREDICTION_SECOND = 44,
    /// Of a probability's 8 bytes those that may have any value: with the others it is between 0.5 and 1.
    PREDICTION_FREE_BYTES = 6,
};

#endif
