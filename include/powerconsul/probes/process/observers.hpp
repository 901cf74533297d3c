#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/proc_stat.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/probes/process/invocation.hpp>
#include <powerconsul/probes/process/process_table.hpp>

namespace powerconsul::inline v0 {

/// Whether a process takes part in a check: what a check looks for then stands in its command line, too.
enum class attendance : unsigned char {
    none,
    perhaps,  ///< it has started a check, and nothing in its command line tells whether that is all it is for
    certain,  ///< a check, what a check has started, or what was started to run one
};

/// Whether these arguments, as in /proc/<pid>/cmdline, are those of a Consul agent. Neither it nor what started it was
/// started for a check's sake.
[[nodiscard]] constexpr auto is_consul_agent(std::string_view arguments) -> bool {
    const auto program = base_name(next_part(arguments, '\0'));
    return program == "consul" && next_part(arguments, '\0') == "agent";
}

namespace detail {

/// Follows the ancestors of checks. Files is used by reference.
template <directory_source Files>
class observer_search {
public:
    explicit observer_search(process_table<Files&>& table)
        : table_{table}, all_{table.processes()}, found_(all_.size(), attendance::none) {}

    [[nodiscard]] auto run(const auto& matches) -> result<std::vector<attendance>> {
        auto self = table_.own_arguments();
        if (!self) return unexpected{std::move(self).error()};
        own_ = base_name(std::string_view{*self}.substr(0, self->find('\0')));
        std::vector<bool> checks(all_.size());
        std::vector<std::size_t> starts;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (all_[i].kin == kinship::self) {
                checks[i] = true;
                own_words_ = command_line(all_[i], self->substr(std::min(self->find('\0'), self->size() - 1) + 1));
                if (auto done = follow(i); !done) return unexpected{std::move(done).error()};
            } else if (is_own_name(all_[i].name, own_)) {
                auto arguments = table_.arguments(all_[i]);
                if (!arguments) return unexpected{std::move(arguments).error()};
                if (!*arguments) continue;
                const std::string line = command_line(all_[i], std::move(**arguments));
                checks[i] = find_invocations(line, own_).first_check;
                if (!checks[i]) continue;
                const auto held = matches(all_[i], line);
                if (!held) return unexpected{held.error()};
                if (*held) starts.push_back(i);
            }
        }
        own_words_.clear();
        for (const std::size_t each : starts) {
            if (auto done = follow(each); !done) return unexpected{std::move(done).error()};
        }
        const auto of_checks = below(all_, checks);
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (checks[i] || of_checks[i]) found_[i] = attendance::certain;
        }
        return std::move(found_);
    }

private:
    [[nodiscard]] auto follow(std::size_t check) -> result<void> {
        for (auto at = find_process(all_, all_[check].parent); at && found_[*at] == attendance::none;
             at = find_process(all_, all_[*at].parent)) {
            auto arguments = table_.arguments(all_[*at]);
            if (!arguments) return unexpected{std::move(arguments).error()};
            if (!*arguments || is_consul_agent(**arguments)) return {};
            const std::string line = command_line(all_[*at], std::move(**arguments));
            const bool holds_words = !own_words_.empty() && line.find(own_words_) != std::string::npos;
            const bool certain = holds_words || find_invocations(line, own_).any;
            found_[*at] = certain ? attendance::certain : attendance::perhaps;
        }
        return {};
    }

    process_table<Files&>& table_;
    const std::vector<process>& all_;
    std::vector<attendance> found_;
    std::string own_{};
    std::string own_words_{};  ///< the arguments of this process as one text, while its own ancestors are followed
};

}  // namespace detail

/// For each process of the table whether it takes part in a check. `matches(process, command line)` -> result<bool>
/// tells whether another check's own command line is one of those that are looked for: only then its ancestors may have
/// passed it on. What merely calls a check or check_procs, without having started it yet, is not found here: its
/// command line tells, see find_invocations().
template <directory_source Files>
[[nodiscard]] auto find_observers(process_table<Files&>& table, const auto& matches)
    -> result<std::vector<attendance>> {
    return detail::observer_search<Files>{table}.run(matches);
}

}  // namespace powerconsul::inline v0
