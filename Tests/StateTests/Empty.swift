// StateTests
