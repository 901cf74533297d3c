#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <powerconsul/cluster/resolver.hpp>
#include <powerconsul/heal/action.hpp>
#include <powerconsul/heal/trigger.hpp>

#include "configuration.hpp"

namespace powerconsul::cli {

/// What would run for one state.
struct explained_trigger {
    bad_state state{bad_state::critical};
    result<trigger_search> search{trigger_search{}};
    std::optional<result<job>> runs{};  ///< where the search found one
};

/// What an explanation is printed from: the facts that the decision was made from, and who this node was told to be.
struct explained_role {
    const configuration& chosen;
    std::string_view service{};
    const resolution& facts;
    std::string stopped{};  ///< why nothing may act; empty: it may
    std::vector<explained_trigger> triggers{};
    milliseconds now{};  ///< wall clock
};

/// The whole derivation for a person: a row for each fact, and where it comes from.
[[nodiscard]] auto explanation_text(const explained_role& what) -> std::string;

/// The same as one JSON object.
[[nodiscard]] auto explanation_json(const explained_role& what) -> std::string;

}  // namespace powerconsul::cli
