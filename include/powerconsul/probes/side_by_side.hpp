#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <powerconsul/ports/tasks.hpp>
#include <powerconsul/probes/probe.hpp>

namespace powerconsul::inline v0 {

/// A callable that looks at one of several services, given its name. A runner that runs tasks in parallel calls it from
/// several threads at the same time.
template <typename T>
concept named_probe = requires(T& look, const std::string& name) {
    { look(name) } -> std::same_as<observed>;
};

/// Looks at all services of a group, in parallel if the runner can. Models `group_probe`. Look and Runner may be
/// references.
template <named_probe Look, task_runner Runner>
class side_by_side {
public:
    side_by_side(std::vector<std::string> names, Look look, Runner runner)
        : names_{std::move(names)}, look_{std::forward<Look>(look)}, runner_{std::forward<Runner>(runner)} {}

    [[nodiscard]] auto operator()() -> std::vector<observed> {
        std::vector<observed> seen(names_.size());
        runner_.run(names_.size(), [&](std::size_t i) { seen[i] = look_(names_[i]); });
        return seen;
    }

private:
    std::vector<std::string> names_;
    Look look_;
    Runner runner_;
};

template <named_probe Look, task_runner Runner>
side_by_side(std::vector<std::string>, Look, Runner) -> side_by_side<Look, Runner>;

}  // namespace powerconsul::inline v0
