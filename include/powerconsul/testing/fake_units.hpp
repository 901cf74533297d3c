#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/unit_source.hpp>

namespace powerconsul::inline v0::testing {

/// A systemd of scripted units, which records what it was asked for. Models `unit_source`. A unit without an answer
/// fails with errc::failed, which names it. Each answer uses up the time that it was scripted with, or all that is
/// left.
class fake_units {
public:
    auto on(std::string unit, result<unit_state> answer, milliseconds takes = {}) -> fake_units& {
        script_.push_back({std::move(unit), std::move(answer), takes});
        return *this;
    }

    [[nodiscard]] auto ask(std::string_view unit, milliseconds& left) -> result<unit_state> {
        asked_.emplace_back(unit);
        for (const auto& each : script_) {
            if (each.unit != unit) continue;
            left = left - shorter(left, each.takes);
            return each.answer;
        }
        return fail(errc::failed, "no answer is scripted for the unit " + quoted(unit));
    }

    [[nodiscard]] auto asked() const -> const std::vector<std::string>& { return asked_; }

private:
    struct entry {
        std::string unit{};
        result<unit_state> answer;
        milliseconds takes{};
    };

    std::vector<entry> script_{};
    std::vector<std::string> asked_{};
};

}  // namespace powerconsul::inline v0::testing
