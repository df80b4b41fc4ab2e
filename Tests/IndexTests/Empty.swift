// IndexTests
