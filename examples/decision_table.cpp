// The two pure functions that everything comes down to, printed as the table that the README shows.

#include <cstdio>
#include <string>

#include <powerconsul/decision/rules.hpp>

using namespace powerconsul;

int main() {
    constexpr role roles[] = {role::standalone, role::primary, role::secondary, role::unknown};
    constexpr actives others[] = {actives::serving, actives::none_serving, actives::unknown};
    constexpr observation seen[] = {observation::running, observation::degraded, observation::stopped,
                                    observation::unknown};

    std::printf("%-11s %-13s %-8s | running  degraded stopped  unknown\n", "role", "actives", "expects");
    for (const role own : roles) {
        for (const actives state : others) {
            const expectation wanted = rule(own, {.others = state}).expects;
            std::printf("%-11s %-13s %-8s |", std::string{to_string(own)}.c_str(),
                        std::string{to_string(state)}.c_str(), std::string{to_string(wanted)}.c_str());
            for (const observation each : seen) {
                std::printf(each == observation::unknown ? " %s\n" : " %-8s",
                            std::string{to_string(judge(wanted, each))}.c_str());
            }
        }
    }
}
