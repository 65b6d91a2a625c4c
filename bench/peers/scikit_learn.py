#!/usr/bin/python3
"""scikit-learn: MLPClassifier, an epoch for each partial_fit."""

import adapter


class ScikitLearn:
    framework = "scikit-learn"

    @staticmethod
    def settings():
        return [ScikitLearn.environment(threads) for threads in (1, 2)]

    @staticmethod
    def environment(threads):
        return {"OMP_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": threads}

    @staticmethod
    def version():
        import sklearn

        return sklearn.__version__

    def __init__(self, digits, args):
        self.digits = digits
        self.args = args
        self.classes = range(int(digits.train_labels.max()) + 1)

    def network(self, layers, activation):
        from sklearn.neural_network import MLPClassifier

        self.model = MLPClassifier(
            layers,
            activation,
            solver="sgd",
            momentum=0,
            nesterovs_momentum=False,
            alpha=0,
            batch_size=min(self.args.batch, len(self.digits.train_images)),
            learning_rate_init=self.args.lr,
            random_state=self.args.seed,
        )

    def epoch(self):
        self.model.partial_fit(self.digits.train_images, self.digits.train_labels, self.classes)
        return self.model.loss_

    def predict(self):
        import numpy

        images = self.digits.test_images
        parts = [self.model.predict(images[begin : begin + 500]) for begin in range(0, len(images), 500)]
        return numpy.concatenate(parts)

    def predict_one(self, row):
        return self.model.predict(self.digits.test_images[row : row + 1])[0]


if __name__ == "__main__":
    adapter.main(ScikitLearn)
