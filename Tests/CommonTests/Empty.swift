// CommonTests
