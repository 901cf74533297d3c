#pragma once

#include <type_traits>

#include <powerconsul/checks/kinds/crontab.hpp>
#include <powerconsul/checks/kinds/http.hpp>
#include <powerconsul/checks/kinds/service.hpp>
#include <powerconsul/checks/kinds/tcp.hpp>

namespace powerconsul::inline v0::checks {

/// A list of kinds of check, for loops over it.
template <typename... Kinds>
struct kinds {
    static constexpr std::array words{Kinds::words...};

    [[nodiscard]] static constexpr auto contains(std::string_view name) -> bool {
        return algo::find(words, name, &kind_words::name) != words.end();
    }

    /// Calls `f(std::type_identity<Kind>{})` for the kind of that name; false if there is none.
    template <typename F>
    static constexpr auto with(std::string_view name, F&& f) -> bool {
        return ((Kinds::words.name == name && (static_cast<void>(f(std::type_identity<Kinds>{})), true)) || ...);
    }

    /// The results of `f(std::type_identity<Kind>{})` for each kind, in order.
    template <typename F>
    [[nodiscard]] static constexpr auto each(F f) {
        return std::array{f(std::type_identity<Kinds>{})...};
    }
};

/// The kinds that are shipped. One that is added here gets its command, its help and its place wherever commands list
/// the kinds.
using all_kinds = kinds<service, servicegroup, crontab, process, tcp, http>;

}  // namespace powerconsul::inline v0::checks
