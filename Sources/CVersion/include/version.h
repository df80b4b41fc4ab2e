#pragma once

/// The commit that this was built from, as `make build` names it; an empty text where that is not known. In C,
/// because a value given to a build can be a macro there, and nothing in Swift.
const char *cversion_commit(void);
