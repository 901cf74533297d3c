#pragma once

#include <string>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::cli {

/// Why nothing may act; empty: it may. A file that cannot be looked at stops, too: somebody may have put it there.
[[nodiscard]] inline auto stop_reason(const std::string& path) -> std::string {
    const auto there = posix_files{}.status(path);
    if (!there) return "it cannot be told whether the stop file is there: " + there.error().message;
    return *there ? "the stop file " + quoted(path) + " is there; delete it to let triggers run" : std::string{};
}

}  // namespace powerconsul::cli
