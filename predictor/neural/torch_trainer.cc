// All of LibTorch is in this file. It becomes a shared object of its own, which load_trainer()
// opens.

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <vector>

#include "predictor/neural/trainer.h"

// Of OpenBLAS; absent in another BLAS. Two threads on products this small are 12 times slower.
extern "C" __attribute__((weak)) void openblas_set_num_threads(int threads);

namespace augurfs {
namespace {

constexpr std::size_t kAhead = 4;  // next reads of the stream that a query should fit

torch::Tensor tensor_of(std::vector<float>& values, const std::vector<std::int64_t>& shape) {
  return torch::from_blob(values.data(), shape, torch::kFloat32);
}

torch::Tensor tensor_of(std::vector<std::int64_t>& values) {
  return torch::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, torch::kInt64);
}

// Bags of rows, and those rows of the table that occur in any of them.
class Bags {
 public:
  Bags() : local_(kFeatureRows, -1) {}

  void clear() {
    for (const std::int64_t row : rows_) local_[static_cast<std::size_t>(row)] = -1;
    rows_.clear();
    indices_.clear();
    offsets_.clear();
  }

  void add(const FeatureBag& bag) {
    offsets_.push_back(static_cast<std::int64_t>(indices_.size()));
    for (const std::uint16_t row : bag.rows()) {
      if (local_[row] < 0) {
        local_[row] = static_cast<std::int64_t>(rows_.size());
        rows_.push_back(row);
      }
      indices_.push_back(local_[row]);
    }
  }

  std::int64_t size() const { return static_cast<std::int64_t>(offsets_.size()); }
  const std::vector<std::int64_t>& rows() const { return rows_; }
  // A vector for each bag, from vectors of the rows.
  torch::Tensor embed(const torch::Tensor& table) {
    constexpr std::int64_t kSum = 0;
    return std::get<0>(
        torch::embedding_bag(table, tensor_of(indices_), tensor_of(offsets_), false, kSum));
  }

 private:
  std::vector<std::int64_t> local_;  // of a row; -1: in no bag
  std::vector<std::int64_t> rows_;
  std::vector<std::int64_t> indices_;
  std::vector<std::int64_t> offsets_;
};

class TorchTrainer : public Trainer {
 public:
  TorchTrainer() : table_squares_(kFeatureRows, 0.0F), mean_(kDense, 0.0F), squares_(kDense, 0.0F) {
    torch::set_num_threads(1);
    if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
  }

  std::optional<float> train(std::span<const Episode> batch, NeuralWeights& weights) override {
    try {
      collect(batch);
      if (reads_.empty()) return std::nullopt;
      borrow(weights);
      const torch::Tensor loss = loss_of(batch);
      loss.backward();
      const auto value = loss.item<float>();
      if (!std::isfinite(value) || !gradients_finite()) return std::nullopt;
      step_table(weights);
      step_dense(weights);
      return value;
    } catch (const std::exception&) {  // most of all, no memory
      return std::nullopt;
    }
  }

 private:
  static constexpr std::size_t kDenseBegin = offset_of(Matrix::kInputGates);
  static constexpr std::size_t kDense = NeuralWeights::kCount - kDenseBegin;

  // All bags: inputs padded to the longest episode, then places of reads, then those of lessons.
  void collect(std::span<const Episode> batch) {
    bags_.clear();
    reads_.clear();
    longest_ = 0;
    for (const Episode& episode : batch) longest_ = std::max(longest_, episode.reads.size());
    for (std::size_t e = 0; e < batch.size(); ++e) {
      for (std::size_t i = 0; i < longest_; ++i) {
        const bool there = i < batch[e].reads.size();
        bags_.add(there ? batch[e].reads[i].input : FeatureBag{});
        if (there) reads_.push_back(static_cast<std::int64_t>(e * longest_ + i));
      }
    }
    // A place that was read several times stands there once.
    column_of_.clear();
    for (const Episode& episode : batch) {
      for (const Episode::Read& read : episode.reads) {
        if (column_of_.emplace(read.key, column_of_.size()).second) bags_.add(read.place);
      }
    }
    lesson_reads_.clear();
    hand_.clear();
    used_.clear();
    for (std::size_t e = 0; e < batch.size(); ++e) {
      for (const Lesson& lesson : batch[e].lessons) {
        bags_.add(lesson.place);
        lesson_reads_.push_back(static_cast<std::int64_t>(e * longest_ + lesson.read));
        hand_.insert(hand_.end(), lesson.hand.begin(), lesson.hand.end());
        for (const bool used : lesson.used) used_.push_back(used ? 1.0F : 0.0F);
      }
    }
  }

  // Tensors over copies of the weights that take part.
  void borrow(const NeuralWeights& weights) {
    const auto& rows = bags_.rows();
    rows_values_.resize(rows.size() * kVector);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const float* row = weights.at(Matrix::kTable) + static_cast<std::size_t>(rows[i]) * kVector;
      std::copy_n(row, kVector, rows_values_.data() + i * kVector);
    }
    table_ = tensor_of(rows_values_, {static_cast<std::int64_t>(rows.size()), kVector});
    table_.set_requires_grad(true);
    dense_values_.assign(weights.values().begin() + kDenseBegin, weights.values().end());
    dense_ = tensor_of(dense_values_, {kDense});
    dense_.set_requires_grad(true);
  }

  torch::Tensor matrix(Matrix which) const {
    const MatrixShape shape = shape_of(which);
    const auto begin = static_cast<std::int64_t>(offset_of(which) - kDenseBegin);
    const auto rows = static_cast<std::int64_t>(shape.rows);
    const auto columns = static_cast<std::int64_t>(shape.columns);
    const torch::Tensor part = dense_.narrow(0, begin, rows * columns);
    return rows == 1 ? part : part.view({rows, columns});
  }

  torch::Tensor loss_of(std::span<const Episode> batch) {
    const auto episodes = static_cast<std::int64_t>(batch.size());
    const auto longest = static_cast<std::int64_t>(longest_);
    const auto places_read = static_cast<std::int64_t>(column_of_.size());
    const auto lessons = static_cast<std::int64_t>(lesson_reads_.size());
    const torch::Tensor vectors = bags_.embed(table_);
    const torch::Tensor inputs =
        vectors.narrow(0, 0, episodes * longest).view({episodes, longest, kVector});
    before_.clear();
    for (const Episode& episode : batch) {
      before_.insert(before_.end(), episode.before.begin(), episode.before.end());
    }
    const torch::Tensor states =
        std::get<0>(torch::gru(inputs, tensor_of(before_, {1, episodes, kState}),
                               {matrix(Matrix::kInputGates).t(), matrix(Matrix::kStateGates).t(),
                                matrix(Matrix::kInputBias), matrix(Matrix::kStateBias)},
                               true, 1, 0.0, true, false, true));
    const torch::Tensor queries =
        torch::addmm(matrix(Matrix::kQueryBias), states.reshape({episodes * longest, kState}),
                     matrix(Matrix::kQuery));
    const torch::Tensor sharpness = matrix(Matrix::kSharpness).exp();
    const torch::Tensor places = vectors.narrow(0, episodes * longest, places_read);
    const torch::Tensor fits =
        queries.index_select(0, tensor_of(reads_)).mm(places.t()) * sharpness;
    torch::Tensor loss = kFindWeight * finding_loss(batch, fits);
    if (lessons > 0) {
      const torch::Tensor fit = (queries.index_select(0, tensor_of(lesson_reads_)) *
                                 vectors.narrow(0, episodes * longest + places_read, lessons))
                                    .sum(1, true) *
                                sharpness;
      loss = loss + ranking_loss(fit, lessons);
    }
    return loss;
  }

  // Each query is to find the next reads of its stream among all places of the batch.
  torch::Tensor finding_loss(std::span<const Episode> batch, const torch::Tensor& fits) {
    const std::size_t columns = column_of_.size();
    wanted_.assign(reads_.size() * columns, 0.0F);
    float* row = wanted_.data();
    float rows_wanting = 0;
    for (const Episode& episode : batch) {
      for (std::size_t i = 0; i < episode.reads.size(); ++i, row += columns) {
        const std::size_t end = std::min(episode.reads.size(), i + 1 + kAhead);
        if (i + 1 == end) continue;
        ++rows_wanting;
        const float share = 1.0F / static_cast<float>(end - i - 1);
        for (std::size_t next = i + 1; next < end; ++next) {
          row[column_of_.at(episode.reads[next].key)] += share;
        }
      }
    }
    return -(torch::log_softmax(fits, 1) *
             tensor_of(wanted_, {static_cast<std::int64_t>(reads_.size()),
                                 static_cast<std::int64_t>(columns)}))
                .sum() /
           std::max(rows_wanting, 1.0F);
  }

  torch::Tensor ranking_loss(const torch::Tensor& fit, std::int64_t lessons) {
    const torch::Tensor input = torch::cat({tensor_of(hand_, {lessons, kHandFeatures}), fit}, 1);
    const torch::Tensor first = torch::relu(
        torch::addmm(matrix(Matrix::kRankFirstBias), input, matrix(Matrix::kRankFirst)));
    const torch::Tensor second = torch::relu(
        torch::addmm(matrix(Matrix::kRankSecondBias), first, matrix(Matrix::kRankSecond)));
    const torch::Tensor scores =
        torch::addmm(matrix(Matrix::kRankLastBias), second, matrix(Matrix::kRankLast));
    return static_cast<float>(kHorizons) *
           torch::binary_cross_entropy_with_logits(scores, tensor_of(used_, {lessons, kHorizons}));
  }

  bool gradients_finite() const {
    return std::isfinite(table_.grad().sum().item<float>()) &&
           std::isfinite(dense_.grad().sum().item<float>());
  }

  // Adagrad, a rate for each row: rows are seen rarely, and some much more rarely than others.
  void step_table(NeuralWeights& weights) {
    constexpr float kRate = 0.05F;
    constexpr float kSmall = 1e-8F;
    const torch::Tensor gradients = table_.grad().contiguous();
    const float* gradient = gradients.data_ptr<float>();
    for (const std::int64_t row : bags_.rows()) {
      const auto index = static_cast<std::size_t>(row);
      float sum = 0;
      for (std::size_t i = 0; i < kVector; ++i) sum += gradient[i] * gradient[i];
      table_squares_[index] += sum / kVector;
      const float rate = kRate / std::sqrt(table_squares_[index] + kSmall);
      float* values = weights.at(Matrix::kTable) + index * kVector;
      for (std::size_t i = 0; i < kVector; ++i) values[i] -= rate * gradient[i];
      gradient += kVector;
    }
  }

  // Adam.
  void step_dense(NeuralWeights& weights) {
    constexpr float kRate = 2e-3F;
    constexpr float kMeanMemory = 0.9F;
    constexpr float kSquaresMemory = 0.999F;
    constexpr float kSmall = 1e-8F;
    ++steps_;
    const float mean_scale = 1.0F / (1.0F - std::pow(kMeanMemory, static_cast<float>(steps_)));
    const float squares_scale =
        1.0F / (1.0F - std::pow(kSquaresMemory, static_cast<float>(steps_)));
    const torch::Tensor gradients = dense_.grad().contiguous();
    const float* gradient = gradients.data_ptr<float>();
    float* values = weights.values().data() + kDenseBegin;
    for (std::size_t i = 0; i < kDense; ++i) {
      mean_[i] += (1.0F - kMeanMemory) * (gradient[i] - mean_[i]);
      squares_[i] += (1.0F - kSquaresMemory) * (gradient[i] * gradient[i] - squares_[i]);
      values[i] -=
          kRate * mean_[i] * mean_scale / (std::sqrt(squares_[i] * squares_scale) + kSmall);
    }
  }

  static constexpr float kFindWeight = 0.3F;

  // Tensors only borrow these, also those that going back through the network needs.
  Bags bags_;
  std::vector<float> before_;
  std::vector<float> wanted_;
  std::size_t longest_ = 0;
  std::vector<std::int64_t> reads_;         // which of the padded inputs are reads
  std::vector<std::int64_t> lesson_reads_;  // at which of them a lesson was thought of
  std::unordered_map<std::uint64_t, std::size_t> column_of_;  // of a place, by its key
  std::vector<float> hand_;
  std::vector<float> used_;
  std::vector<float> rows_values_;
  std::vector<float> dense_values_;
  torch::Tensor table_;
  torch::Tensor dense_;
  std::vector<float> table_squares_;
  std::vector<float> mean_;
  std::vector<float> squares_;
  std::uint64_t steps_ = 0;
};

}  // namespace
}  // namespace augurfs

extern "C" __attribute__((visibility("default"))) augurfs::Trainer* augurfs_make_trainer() {
  return new augurfs::TorchTrainer;
}
