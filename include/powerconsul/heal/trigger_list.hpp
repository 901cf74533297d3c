#pragma once

#include <mutex>
#include <set>

#include <powerconsul/consul/client.hpp>

namespace powerconsul::inline v0 {

/// Which triggers there are, for many services at once. Each service without a trigger asks again and again whether it
/// has one by now: after a few such questions within a second, the names of all keys are asked for instead, at most
/// once a second. Several threads may use it, each with a transport of its own.
class trigger_list {
public:
    static constexpr std::size_t few = 16;

    /// Whether there is a key below `base`. Nothing if that is to be asked for this key alone: few have asked, or the
    /// keys cannot be listed. What the token may not read is not there, and could not be read alone either. Any server
    /// may answer.
    [[nodiscard]] auto has(const std::string& key, const std::string& base, std::string_view datacenter,
                           http_transport auto& consul, clock auto& time, milliseconds timeout) -> std::optional<bool> {
        const std::lock_guard hold{mutex_};
        if (!since_ || time.monotonic() >= *since_ + seconds(1) || base != base_ || datacenter != datacenter_) {
            since_ = time.monotonic();
            asked_ = 0;
            base_ = base;
            datacenter_ = datacenter;
        }
        if (++asked_ <= few) return std::nullopt;
        if (asked_ == few + 1) {
            std::string target = detail::key_path(base + '/') + "?keys&stale";
            if (!datacenter.empty()) target += "&dc=" + percent_encoded(datacenter);
            keys_ = names_in(consul.perform({http_method::get, std::move(target), {}, timeout}), base);
            since_ = time.monotonic();
        }
        if (!keys_) return std::nullopt;
        return keys_->contains(key);
    }

private:
    /// Only Consul's own 404 means that there is no key.
    [[nodiscard]] static auto names_in(const result<http_response>& answer, const std::string& base)
        -> std::optional<std::set<std::string>> {
        std::set<std::string> names;
        if (!answer) return std::nullopt;
        if (answer->status == 404 && !answer->header("X-Consul-Index").empty()) return names;
        const auto root = answer->status == 200 ? json::parse(answer->body) : result<json::value>{json::value{}};
        if (!root || !root->is(json::kind::array)) return std::nullopt;
        for (const auto& each : root->items) {
            if (!each.is(json::kind::string) || !each.text.starts_with(base + '/')) return std::nullopt;
            names.insert(each.text);
        }
        return names;
    }

    std::mutex mutex_{};
    std::optional<milliseconds> since_{};  ///< when the questions are counted from, or the keys were listed, monotonic
    std::size_t asked_{};
    std::string base_{};
    std::string datacenter_{};
    std::optional<std::set<std::string>> keys_{};
};

}  // namespace powerconsul::inline v0
