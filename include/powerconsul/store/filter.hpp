#pragma once

#include <powerconsul/core/pattern.hpp>

namespace powerconsul::inline v0 {

/// What the embedded store knows of Consul's `?filter=`: one selector that is held against one expression.
struct store_filter {
    std::string selector{};  ///< empty if there is no filter
    std::string expression{};

    /// Reads `<selector> matches "<expression>"`. Fails with errc::usage on everything else that Consul knows.
    [[nodiscard]] static auto read(std::string_view text) -> result<store_filter> {
        if (text.empty()) return store_filter{};
        constexpr std::string_view between = R"( matches ")";
        const std::size_t at = text.find(between);
        const std::string_view rest = at == std::string_view::npos ? "" : text.substr(at + between.size());
        if (!rest.ends_with('"') || rest.find('"') != rest.size() - 1) {
            return fail(errc::usage, "the embedded store knows no filter but <selector> matches \"<expression>\"");
        }
        store_filter made{std::string{text.substr(0, at)}, std::string{rest.substr(0, rest.size() - 1)}};
        if (auto sound = matches_at_start(made.expression, ""); !sound) return unexpected{sound.error()};
        return made;
    }

    /// Whether a thing stays in the answer whose selector has that value. Consul's expressions match anywhere: here
    /// they have to begin with `^`.
    [[nodiscard]] auto takes(std::string_view of, std::string_view value) const -> bool {
        return selector.empty() || (selector == of && matches_at_start(expression, value).value_or(false));
    }
};

}  // namespace powerconsul::inline v0
