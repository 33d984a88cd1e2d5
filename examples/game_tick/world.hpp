// SPDX-License-Identifier: BSL-1.0
// The game: entities that walk around on a grid, and publish where they are.
#pragma once

#include <tidings/bus.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace game {

/// Each entity has a topic of its own, `world.entity.<n>`, which no history may cover: what counts
/// is where it is now. An event never changes, so that a place that an entity was never at costs a
/// new one; those of the places that it comes back to are prepared once. A tick after the first lap
/// allocates nothing.
class world {
 public:
    static constexpr int width = 48, height = 24;

    world(tidings::bus& bus, std::size_t entities) {
        for (std::size_t i = 0; i < entities; ++i)
            entities_.push_back(
                {bus.topic("world.entity." + std::to_string(i)), path_of(i), i % 7});
    }

    /// One step of each entity.
    void tick() {
        for (auto& e : entities_) {
            e.at = (e.at + 1) % e.path.size();
            auto& [here, event] = e.path[e.at];
            if (!event) event = prepare(e.topic, here);
            e.topic.publish(event);
        }
    }
    /// After so many ticks each entity has been everywhere.
    static constexpr std::size_t ticks_of_a_lap = 2 * (width + height);

 private:
    struct place {
        int x, y;
    };
    struct entity {
        tidings::topic_handle topic;
        std::vector<std::pair<place, tidings::event_ptr>> path;
        std::size_t at;
    };

    // Around a rectangle, the smaller the higher its number.
    static std::vector<std::pair<place, tidings::event_ptr>> path_of(std::size_t number) {
        const int in = static_cast<int>(number) % (height / 2 - 1);
        const int right = width - 1 - in, bottom = height - 1 - in;
        std::vector<std::pair<place, tidings::event_ptr>> path;
        const auto go_to = [&](int x, int y) { path.push_back({{x, y}, {}}); };
        for (int x = in; x < right; ++x) go_to(x, in);
        for (int y = in; y < bottom; ++y) go_to(right, y);
        for (int x = right; x > in; --x) go_to(x, bottom);
        for (int y = bottom; y > in; --y) go_to(in, y);
        return path;
    }
    static tidings::event_ptr prepare(const tidings::topic_handle& topic, place at) {
        return topic.prepare(
            {"game.entity.moved", "/game",
             "{\"x\":" + std::to_string(at.x) + ",\"y\":" + std::to_string(at.y) + '}',
             "application/json"});
    }

    std::vector<entity> entities_;
};

}  // namespace game
