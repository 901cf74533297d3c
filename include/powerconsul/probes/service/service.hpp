#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/unit_source.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/service/openrc.hpp>
#include <powerconsul/probes/service/service_manager.hpp>
#include <powerconsul/probes/service/systemd.hpp>
#include <powerconsul/probes/service/sysv.hpp>

namespace powerconsul::inline v0 {

struct service_probe_options {
    std::string name{};  ///< as the service manager calls it; must pass validate_local_service()
    service_manager manager{service_manager::systemd};
    milliseconds timeout{5000};  ///< for all that systemd is asked and then for one query to an init script
    std::string init_directory{"/etc/init.d"};
    std::string systemctl{};   ///< absolute path; if empty, looked for in the usual directories
    std::string rc_service{};  ///< as for systemctl
    /// Parts that need not run: as the status of an init script names them, or instances and parts of a unit.
    std::vector<std::string> ignored{};
};

/// Asks the service manager whether the local service runs. Models `probe`. Executor, Files and Units may be
/// references, and so may Clock. systemd is asked through Units, and through systemctl if Units cannot answer. Never
/// starts, stops or changes anything.
template <command_executor Executor, file_source Files, awake_clock Clock, unit_source Units = no_unit_source>
class service_probe {
public:
    service_probe(service_probe_options options, Executor executor, Files files,
                  Clock clock) requires std::default_initializable<Units>
        : service_probe{std::move(options), std::forward<Executor>(executor), std::forward<Files>(files),
                        std::forward<Clock>(clock), Units{}} {}
    service_probe(service_probe_options options, Executor executor, Files files, Clock clock, Units units)
        : options_{std::move(options)},
          executor_{std::forward<Executor>(executor)},
          files_{std::forward<Files>(files)},
          clock_{std::forward<Clock>(clock)},
          units_{std::forward<Units>(units)} {}

    [[nodiscard]] auto operator()() -> observed {
        if (auto valid = validate_local_service(options_.name); !valid) return give_up(valid.error());
        switch (options_.manager) {
            case service_manager::systemd: return ask_systemd();
            case service_manager::sysv: return ask_init_script(options_.name);
            case service_manager::openrc: break;
        }
        return ask_openrc();
    }

private:
    [[nodiscard]] static auto give_up(const error& why) -> observed { return {observation::unknown, why.message}; }

    [[nodiscard]] auto ask_systemd() -> observed {
        const std::string unit = unit_name(options_.name);
        milliseconds left = options_.timeout;
        const auto state = ask_for(unit, left);
        if (!state) return give_up(state.error());
        if (const auto script = script_behind(*state, options_.init_directory); !script.empty()) {
            return ask_init_script(script);
        }
        const auto processes = processes_of(*state);
        if (is_over(*state, processes) || (state->active == "inactive" && runs_nothing_itself(*state))) {
            const auto instances = look_at_instances(state->id.empty() ? unit : state->id, left);
            if (!instances) return give_up(instances.error());
            const auto runs = [](const auto& each) { return each.second != observation::stopped; };
            const bool decide = state->active == "active" || algo::any_of(*instances, runs);
            if (!instances->empty() && decide) return interpret_members(unit, "instances", *instances);
        }
        if (state->active == "active" && unit.ends_with(".target")) {
            const auto parts = look_at_parts(*state, left);
            if (!parts) return give_up(parts.error());
            if (!parts->empty()) return interpret_members(unit, "parts", *parts);
        }
        return interpret_unit(*state, unit, clock_.awake(), processes);
    }

    [[nodiscard]] auto ask_for(const std::string& unit, milliseconds& left) -> result<unit_state> {
        auto state = units_.ask(mangled_unit_name(unit), left);
        if (!state && may_ask_systemctl(state.error(), left)) state = ask_systemctl(unit, left, read_unit_state);
        return state;
    }

    using named_observation = std::pair<std::string, observation>;

    [[nodiscard]] auto observe(const unit_state& unit) -> named_observation {
        return {unit.id, interpret_unit(unit, unit.id, clock_.awake(), processes_of(unit)).state};
    }

    [[nodiscard]] auto is_ignored(std::string_view unit) const -> bool {
        return algo::any_of(options_.ignored, [&](const auto& name) { return is_unit(unit, name); });
    }

    /// The instances of the service's template that count.
    [[nodiscard]] auto look_at_instances(const std::string& service, milliseconds left)
        -> result<std::vector<named_observation>> {
        std::vector<named_observation> seen;
        const auto pattern = instance_pattern(service);
        if (pattern.empty()) return seen;
        if (left.count <= 0) return too_late();
        auto units = units_.matching(pattern, left);
        if (!units && may_ask_systemctl(units.error(), left)) units = ask_systemctl(pattern, left, read_unit_states);
        if (!units) return unexpected{std::move(units).error()};
        for (const auto& each : *units) {
            if (counts_as_instance(each) && !is_ignored(each.id)) seen.push_back(observe(each));
        }
        return seen;
    }

    /// The services among a target's parts that count.
    [[nodiscard]] auto look_at_parts(const unit_state& target, milliseconds left)
        -> result<std::vector<named_observation>> {
        std::vector<named_observation> seen;
        for (const auto& part : target.parts) {
            if (!part.ends_with(".service") || is_ignored(part)) continue;
            if (left.count <= 0) return too_late();
            const auto state = ask_for(part, left);
            if (!state) return unexpected{state.error()};
            if (counts_as_part(*state)) seen.push_back(observe(*state));
        }
        return seen;
    }

    /// Looks where version 2 of the control groups is mounted, alone or beside version 1, and for the main process,
    /// which may be in another group.
    [[nodiscard]] auto processes_of(const unit_state& unit) -> unit_processes {
        using enum unit_processes;
        if (unit.active != "active" || unit.type.empty()) return unknown;
        bool empty = unit.control_group.empty();
        for (const auto* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
            if (empty) break;
            const auto events = files_.read(root + unit.control_group + "/cgroup.events", 4096);
            if (!events || !*events) continue;
            if ((*events)->find("populated 0") == std::string::npos) return some;
            empty = true;
        }
        if (!empty) return unknown;
        if (unit.main_process == 0) return none;
        const auto main = files_.status("/proc/" + std::to_string(unit.main_process));
        return !main ? unknown : *main ? some : none;
    }

    [[nodiscard]] static auto too_late() -> unexpected {
        return fail(errc::timed_out, "systemd did not answer in time");
    }

    [[nodiscard]] static auto may_ask_systemctl(const error& why, milliseconds left) -> bool {
        return why.code != errc::timed_out && left.count > 0;
    }

    /// `unit` is a name or a pattern, `read` is read_unit_state or read_unit_states. The time that it takes is
    /// subtracted from `left`.
    template <typename Read>
    [[nodiscard]] auto ask_systemctl(const std::string& unit, milliseconds& left, Read read)
        -> decltype(read(std::declval<const outcome&>())) {
        const auto systemctl = find_program("systemctl", options_.systemctl);
        if (!systemctl) return unexpected{systemctl.error()};
        // Of those that match a pattern, --all shows the inactive ones, too.
        std::string properties = "--property=";
        for (const auto name : unit_properties) (properties += name) += ',';
        properties.pop_back();
        const auto started = clock_.monotonic();
        const auto end = run({*systemctl, "show", "--all", "--no-pager", std::move(properties), "--", unit}, left);
        left = left - (clock_.monotonic() - started);
        if (!end) return unexpected{end.error()};
        return read(*end);
    }

    [[nodiscard]] auto ask_init_script(std::string_view name) -> observed {
        const std::string path = script_path(name);
        const auto seen = files_.status(path);
        if (!seen) return give_up(seen.error());
        if (!*seen) return {observation::unknown, "there is no init script " + quoted(path)};
        if ((*seen)->kind != file_kind::symlink) {
            if ((*seen)->kind != file_kind::regular) {
                return {observation::unknown, "init script " + quoted(path) + " is no regular file"};
            }
            if (((*seen)->mode & 0111U) == 0) {
                return {observation::unknown, "init script " + quoted(path) + " is not executable"};
            }
        }
        const auto end = run({path, "status"}, options_.timeout);
        return end ? interpret_init_script(*end, read_script(path), options_.ignored) : give_up(end.error());
    }

    [[nodiscard]] auto ask_openrc() -> observed {
        const auto rc_service = find_program("rc-service", options_.rc_service);
        if (!rc_service) return give_up(rc_service.error());
        const auto end = run({*rc_service, options_.name, "status"}, options_.timeout);
        return end ? interpret_rc_service(*end, read_script(script_path(options_.name)), options_.ignored)
                   : give_up(end.error());
    }

    [[nodiscard]] auto script_path(std::string_view name) const -> std::string {
        return options_.init_directory + '/' + std::string{name};
    }

    /// A script that cannot be read may do anything.
    [[nodiscard]] auto read_script(const std::string& path) -> init_script {
        const auto script = files_.read(path, std::size_t{256} * 1024);
        return script && *script ? read_init_script(**script) : init_script{};
    }

    [[nodiscard]] auto find_program(std::string_view name, const std::string& given) -> result<std::string> {
        if (!given.empty()) return given;
        constexpr std::array<std::string_view, 4> directories{"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"};
        for (const auto directory : directories) {
            std::string path = std::string{directory} + std::string{name};
            auto seen = files_.status(path);
            if (!seen) return unexpected{std::move(seen).error()};
            if (*seen && ((*seen)->kind == file_kind::regular || (*seen)->kind == file_kind::symlink)) return path;
        }
        return fail(errc::unavailable, std::string{name} + " was not found in /usr/bin, /bin, /usr/sbin and /sbin");
    }

    /// In the clean environment of Debian's service(8), in English so that the output can be parsed and stays the same.
    /// Without SYSTEMCTL_SKIP_REDIRECT, Debian's init scripts pass `status` on to systemctl
    /// (/lib/lsb/init-functions.d/40-systemd).
    [[nodiscard]] auto run(std::vector<std::string> argv, milliseconds time) -> result<outcome> {
        return executor_.run(command{
            .argv = std::move(argv),
            .environment = {"LANG=C", "LC_ALL=C", "TERM=dumb", "SYSTEMCTL_SKIP_REDIRECT=1",
                            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            .timeout = time,
            .grace = grace_within(time),
        });
    }

    service_probe_options options_;
    Executor executor_;
    Files files_;
    Clock clock_;
    Units units_;
};

/// Lvalues are held by reference: the probe is usually shorter-lived than the policies. Without the constructor's
/// constraint repeated here, clang would prefer the constructor and copy them.
// clang-format 14 takes the guide for a part of the requires clause.
// clang-format off
template <command_executor Executor, file_source Files, awake_clock Clock, unit_source Units = no_unit_source>
    requires std::default_initializable<Units>
service_probe(service_probe_options, Executor&, Files&, Clock&) -> service_probe<Executor&, Files&, Clock&, Units>;
// clang-format on
template <command_executor Executor, file_source Files, awake_clock Clock, unit_source Units>
service_probe(service_probe_options, Executor&, Files&, Clock&, Units&)
    -> service_probe<Executor&, Files&, Clock&, Units&>;

}  // namespace powerconsul::inline v0
