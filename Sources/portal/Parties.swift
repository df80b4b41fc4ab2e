/// Names of people and companies that never were, with the commas, quotes and ampersands of real
/// ones.
enum Parties {
  private static let surnames = [
    "ABERNATHY", "BAXLEY", "CALDWELL", "DELOACH", "EASTERLING", "FORTENBERRY", "GADDIS",
    "HOLLIMAN", "IRBY", "JOHNSON", "KILLINGSWORTH", "LUCKETT", "MC NEIL", "O'NEAL",
    "PENNINGTON", "QUINN", "RATLIFF", "ST. JOHN", "THIGPEN", "UPSHAW", "VARNADO", "WHITTINGTON",
  ]
  private static let givenNames = [
    "ADA", "BOYD", "CORA", "DELMAR", "ESTELLE", "FLOYD", "GENEVA", "HOLLIS", "INEZ", "JESSE",
    "LEOLA", "MARVIN", "NETTIE", "OTIS", "PEARL", "ROSCOE", "VELMA", "WILLIE B",
  ]
  private static let companies = [
    "FARMERS & MERCHANTS BANK", "BIG BLACK TIMBER CO", "PEARL RIVER LAND & CATTLE LLC",
    "\"OLD DEPOT\" PARTNERS LP", "RESERVOIR HOMES, INC", "NATCHEZ TRACE OIL & GAS",
  ]

  static func draw(_ dice: inout Dice) -> String {
    if dice.chance(0.12) { return dice.pick(companies) }
    let name = "\(dice.pick(surnames)), \(dice.pick(givenNames))"
    return dice.chance(0.2) ? "\(name) & \(dice.pick(givenNames))" : name
  }
}
