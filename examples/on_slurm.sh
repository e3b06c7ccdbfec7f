#!/usr/bin/env bash
# Runs on_mpi.py as a job of Slurm, in the folder of the data: sbatch on_slurm.sh
# A minute before the time is up every process gets SIGUSR1, and a checkpoint is written; the job then
# queues again and goes on from it, on as many nodes as it has then. With MPICH: --mpi=pmi2.
#SBATCH --job-name=lsgd
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@60
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

example=${EXAMPLE:-on_mpi.py} # the batch script itself is copied elsewhere before it runs
srun --mpi=pmix python -m mpi4py "$example" --folder . --steps 200 --every 50
if [[ ! -e weights.npy ]]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
