#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/executor.hpp>

namespace powerconsul::inline v0::testing {

/// An executor that starts nothing: it gives scripted outcomes and records the commands. Several outcomes for one argv
/// are given in order and the last one is repeated; a command without any fails with errc::failed, which names it.
/// Models `command_executor`. Only argv is compared; scripted output is returned whole, whatever output_limit says.
class fake_executor {
public:
    auto on(std::vector<std::string> argv, result<outcome> end) -> fake_executor& {
        for (auto& each : script_) {
            if (each.argv == argv) {
                each.ends.push_back(std::move(end));
                return *this;
            }
        }
        script_.push_back({std::move(argv), {std::move(end)}, 0});
        return *this;
    }
    auto on(std::vector<std::string> argv, int exit_status, std::string out = {}) -> fake_executor& {
        return on(std::move(argv), outcome{ending::exited, exit_status, std::move(out), {}, false});
    }

    [[nodiscard]] auto run(const command& what) -> result<outcome> {
        commands_.push_back(what);
        for (auto& each : script_) {
            if (each.argv != what.argv) continue;
            const std::size_t at = each.given;
            if (each.given + 1 < each.ends.size()) ++each.given;
            return each.ends[at];
        }
        std::string line;
        for (const auto& word : what.argv) line += ' ' + quoted(word);
        return fail(errc::failed, "no outcome is scripted for the command" + line);
    }

    [[nodiscard]] auto commands() const -> const std::vector<command>& { return commands_; }

private:
    struct entry {
        std::vector<std::string> argv{};
        std::vector<result<outcome>> ends{};
        std::size_t given{};
    };

    std::vector<entry> script_{};
    std::vector<command> commands_{};
};

}  // namespace powerconsul::inline v0::testing
