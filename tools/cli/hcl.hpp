#pragma once

#include <string_view>

#include <powerconsul/core/result.hpp>
#include <powerconsul/json/value.hpp>

namespace powerconsul::cli {

/// Reads a Consul configuration in HCL 1 as if it were JSON: `a = 1`, `b { … }`, `c "label" { … }`, lists, objects,
/// heredocs and comments. A name that comes twice becomes a list of its values. Fails with errc::bad_data.
[[nodiscard]] auto parse_hcl(std::string_view text) -> result<json::value>;

}  // namespace powerconsul::cli
