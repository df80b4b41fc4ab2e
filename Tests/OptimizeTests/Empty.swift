// OptimizeTests
