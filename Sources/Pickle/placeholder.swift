// Pickle
