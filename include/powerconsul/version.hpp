#pragma once

// Every header includes this one, mostly through others and before any code: see tests/structure/rooms.py.
#if __cplusplus < 202002L
#error "powerconsul needs C++20: compile with -std=c++20"
// Only a missing header stops a compiler. Without it hundreds of errors would follow the one that matters.
#include <needs-C++20>
#endif

/// The version of the library, as three numbers and as text. Semantic versioning; before 1.0 a minor step may break.
#define POWERCONSUL_VERSION_MAJOR 0
#define POWERCONSUL_VERSION_MINOR 1
#define POWERCONSUL_VERSION_PATCH 0
#define POWERCONSUL_VERSION "0.1.0"
