#pragma once

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <powerconsul/doctor/findings.hpp>

namespace powerconsul {

/// State and text of a finding, and that it says what to do where something is wrong.
inline void holds(const finding& found, condition state, std::string_view text) {
    CAPTURE(found.what);
    CAPTURE(found.remedy);
    CAPTURE(text);
    CHECK(found.state == state);
    CHECK((found.what + "; " + found.remedy).find(text) != std::string::npos);
    if (found.state == condition::warning || found.state == condition::error) CHECK_FALSE(found.remedy.empty());
}

}  // namespace powerconsul
