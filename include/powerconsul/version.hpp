#pragma once

/// The version of the library, as three numbers and as text. Semantic versioning; before 1.0 a minor step may break.
#define POWERCONSUL_VERSION_MAJOR 0
#define POWERCONSUL_VERSION_MINOR 1
#define POWERCONSUL_VERSION_PATCH 0
#define POWERCONSUL_VERSION "0.1.0"
