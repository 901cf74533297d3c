#pragma once

#include <string>

#include <powerconsul/core/result.hpp>

namespace powerconsul::cli {

/// Replaces this process by powerconsul-https with the same arguments: the same program, but with TLS. It is looked for
/// in the folder of this program, then in `folder`. Returns only if it cannot be started, and says why:
/// errc::configuration. Nothing may have been read from standard input before.
[[nodiscard]] auto go_on_with_tls(char* const* arguments, const std::string& folder) -> error;

}  // namespace powerconsul::cli
