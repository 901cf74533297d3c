#pragma once

#include <powerconsul/core/result.hpp>

namespace powerconsul::cli {

/// How every command but a `check` with a verdict ends; the numbers are those of sysexits.h.
enum class exit_code : int {
    done = 0,
    failed = 1,
    usage = 64,
    bad_data = 65,
    unavailable = 69,
    try_again = 75,
    not_permitted = 77,
    configuration = 78,
};

[[nodiscard]] constexpr auto exit_code_for(errc code) -> exit_code {
    switch (code) {
        case errc::usage: return exit_code::usage;
        case errc::configuration: return exit_code::configuration;
        case errc::bad_data: return exit_code::bad_data;
        case errc::unavailable:
        case errc::timed_out: return exit_code::unavailable;
        case errc::denied: return exit_code::not_permitted;
        case errc::io:
        case errc::failed: break;
    }
    return exit_code::failed;
}

}  // namespace powerconsul::cli
